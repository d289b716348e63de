import Domain
import FoundationEssentials
import Sealing

/// The JSON inside a channel's sealed column.
private struct CredentialDocument: Codable {
    var access: String?
    var refresh: String?
    var type: String?
    var scopes: [String]
    var params: [String: String]
}

extension Credential {
    /// The plain bytes that are sealed; they exist for the time of one statement.
    func document() -> [UInt8] {
        let document = CredentialDocument(
            access: accessToken?.reveal(), refresh: refreshToken?.reveal(), type: tokenType, scopes: scopes,
            params: parameters)
        // Strings and arrays of strings always encode.
        return (try? JSONEncoder().encode(document)).map(Array.init) ?? []
    }

    init?(document bytes: [UInt8]) {
        guard let document = try? JSONDecoder().decode(CredentialDocument.self, from: Data(bytes)) else { return nil }
        self.init(
            accessToken: document.access.map { Secret($0) }, refreshToken: document.refresh.map { Secret($0) },
            tokenType: document.type ?? "Bearer", scopes: document.scopes, parameters: document.params)
    }
}

extension Store {
    /// Binds a sealed credential to its row and version (PROTOCOL §10).
    func context(tenant: String, channel: ChannelID, grant: Int64, written: Int64) -> SealContext {
        SealContext(kind: .credential, tenant: tenant, id: channel.rawValue, first: grant, second: written)
    }

    func seal(
        _ credential: Credential, tenant: String, channel: ChannelID, grant: Int64, written: Int64
    ) throws -> SealedValue {
        try ring.seal(
            credential.document(), in: context(tenant: tenant, channel: channel, grant: grant, written: written))
    }

    func open(
        _ sealed: SealedValue, tenant: String, channel: ChannelID, grant: Int64, written: Int64
    ) -> Result<Credential, SealedCredentialFault> {
        let context = context(tenant: tenant, channel: channel, grant: grant, written: written)
        do throws(SealingError) {
            guard let credential = Credential(document: try ring.open(sealed, in: context)) else {
                return .failure(.unreadable)
            }
            return .success(credential)
        } catch .unknownKey(let kid) {
            return .failure(.unknownKey(kid: kid))
        } catch {
            return .failure(.unreadable)
        }
    }
}
