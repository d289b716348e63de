import Domain
import FoundationEssentials
import Sealing

/// The body of an ANSWER: where it belongs in the clear, everything else sealed.
///
/// channel id · attempt · tenant · grant id · kid · sealed. Tenant and grant are part of what the seal authenticates and
/// are needed to open it, so they stand outside; neither is a secret.
struct AnswerRecord: Sendable {
    var key: ClaimKey
    var tenant: String
    var grantID: Int64
    var sealed: SealedValue

    /// The longest body of an answer that is kept.
    static let bodyBytesMax = 1 << 20

    init(sealing answer: JournalAnswer, with ring: KeyRing) throws(SealingError) {
        key = answer.key
        tenant = answer.tenantID
        grantID = answer.grantID
        let context = Self.context(key: key, tenant: tenant, grantID: grantID)
        sealed = try ring.seal(answer.encoded(), in: context)
    }

    init(_ body: ArraySlice<UInt8>) throws(MalformedData) {
        var reader = ByteReader(body)
        let channel = ChannelID(rawValue: try reader.text())
        key = ClaimKey(channelID: channel, attempt: try reader.integer())
        tenant = try reader.text()
        grantID = try reader.integer()
        let kid = try reader.text()
        sealed = SealedValue(kid: kid, bytes: try reader.counted())
    }

    /// Reads the key alone.
    static func key(_ body: ArraySlice<UInt8>) throws(MalformedData) -> ClaimKey {
        var reader = ByteReader(body)
        let channel = ChannelID(rawValue: try reader.text())
        return ClaimKey(channelID: channel, attempt: try reader.integer())
    }

    var body: [UInt8] {
        var writer = ByteWriter(capacity: sealed.bytes.count + 256)
        writer.append(key.channelID.rawValue)
        writer.append(key.attempt)
        writer.append(tenant)
        writer.append(grantID)
        writer.append(sealed.kid)
        writer.append(counted: sealed.bytes)
        return writer.bytes
    }

    func open(with ring: KeyRing) throws(AnswerFault) -> JournalAnswer {
        let plaintext: [UInt8]
        do throws(SealingError) {
            plaintext = try ring.open(sealed, in: Self.context(key: key, tenant: tenant, grantID: grantID))
        } catch {
            switch error {
            case .unknownKey(let kid): throw .unknownKey(kid: kid)
            case .unreadable: throw .doesNotOpen
            }
        }
        do throws(MalformedData) {
            return try JournalAnswer(key: key, tenant: tenant, grantID: grantID, encoded: plaintext)
        } catch {
            throw .doesNotDecode
        }
    }

    private static func context(key: ClaimKey, tenant: String, grantID: Int64) -> SealContext {
        SealContext(kind: .journal, tenant: tenant, id: key.channelID.rawValue, first: grantID, second: key.attempt)
    }
}

/// Why an intact record is no answer.
enum AnswerFault: Error, Sendable, Equatable {
    case unknownKey(kid: String)
    case doesNotOpen
    case doesNotDecode
}

extension JournalAnswer {
    private static let format: UInt8 = 1

    /// All but key, tenant and grant, which stand outside the seal.
    fileprivate func encoded() -> [UInt8] {
        let body = body.prefix(AnswerRecord.bodyBytesMax)
        var writer = ByteWriter(capacity: body.count + 1024)
        writer.append(Self.format)
        writer.append(provider)
        writer.append(appID)
        writer.append(Int64(secretIndex))
        writer.append(base)
        writer.append(requestedAt.timeIntervalSinceReferenceDate.bitPattern)
        writer.append(presented.accessToken?.reveal())
        writer.append(presented.refreshToken?.reveal())
        writer.append(presented.tokenType)
        writer.append(UInt32(presented.scopes.count))
        for scope in presented.scopes { writer.append(scope) }
        writer.append(UInt32(presented.parameters.count))
        for (name, value) in presented.parameters {
            writer.append(name)
            writer.append(value)
        }
        writer.append(catalogueRevision)
        writer.append(Int64(status))
        writer.append(UInt32(headers.count))
        for header in headers {
            writer.append(header.name)
            writer.append(header.value)
        }
        writer.append(isCut)
        writer.append(isOverLong || body.count < self.body.count)
        writer.append(counted: Array(body))
        return writer.bytes
    }

    fileprivate init(key: ClaimKey, tenant: String, grantID: Int64, encoded: [UInt8]) throws(MalformedData) {
        var reader = ByteReader(encoded[...])
        guard try reader.integer(UInt8.self) == Self.format else { throw MalformedData() }
        let provider = try reader.text()
        let appID = try reader.text()
        let secretIndex = Int(try reader.integer(Int64.self))
        let base = try reader.integer(Int64.self)
        let requestedAt = Date(timeIntervalSinceReferenceDate: Double(bitPattern: try reader.integer()))
        var presented = Credential()
        presented.accessToken = try reader.optionalText().map { Secret($0) }
        presented.refreshToken = try reader.optionalText().map { Secret($0) }
        presented.tokenType = try reader.text()
        for _ in 0..<(try reader.count()) { presented.scopes.append(try reader.text()) }
        for _ in 0..<(try reader.count()) {
            let name = try reader.text()
            presented.parameters[name] = try reader.text()
        }
        let catalogueRevision = try reader.text()
        let status = Int(try reader.integer(Int64.self))
        var headers: [HeaderField] = []
        for _ in 0..<(try reader.count()) {
            let name = try reader.text()
            headers.append(HeaderField(name, try reader.text()))
        }
        let isCut = try reader.flag()
        let isOverLong = try reader.flag()
        self.init(
            key: key, tenantID: tenant, provider: provider, appID: appID, secretIndex: secretIndex, grantID: grantID,
            base: base, requestedAt: requestedAt, presented: presented, catalogueRevision: catalogueRevision,
            status: status, headers: headers, body: try reader.counted(), isCut: isCut, isOverLong: isOverLong)
    }
}
