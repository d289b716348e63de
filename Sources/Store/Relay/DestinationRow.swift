import Domain
import FoundationEssentials
import Postgres
import Sealing

/// A destination's columns, and the JSON inside its sealed one.
enum DestinationRow {
    static let columns = """
        id, tenant_id, name, kind, is_default, match, recipients, parked_until, fault, created_at, escalates_to, failures
        """

    /// Nil for a kind of a newer version.
    static func summary(_ row: PostgresRow) throws -> DestinationSummary? {
        guard let kind = DestinationKind(rawValue: try row.text("kind")) else { return nil }
        return DestinationSummary(
            id: try row.text("id"), tenantID: try row.textOrNil("tenant_id"), name: try row.text("name"), kind: kind,
            isDefault: try row.bool("is_default"), match: match(try row.json("match")),
            recipients: try row.textArray("recipients").compactMap { $0 },
            parkedUntil: try row.dateOrNil("parked_until"),
            fault: try row.textOrNil("fault"), createdAt: try row.date("created_at"),
            escalatesTo: try row.textOrNil("escalates_to"), failures: Int(try row.int4("failures")))
    }

    static func json(_ match: DestinationMatch) -> String {
        // Strings always encode.
        (try? JSONEncoder().encode(match)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    private static func match(_ json: String) -> DestinationMatch {
        (try? JSONDecoder().decode(DestinationMatch.self, from: Data(json.utf8))) ?? DestinationMatch()
    }

    /// Bound to its row and version (PROTOCOL §10).
    static func context(id: String, tenantID: String?, revision: Int64) -> SealContext {
        SealContext(kind: .destination, tenant: tenantID ?? "", id: id, first: 0, second: revision)
    }

    /// - Parameter row: `id, tenant_id, kind, revision, kid, sealed`.
    static func configuration(
        _ row: PostgresRow, ring: KeyRing
    ) throws -> Result<DestinationConfiguration, SealedCredentialFault> {
        let value = SealedValue(kid: try row.text("kid"), bytes: try row.bytea("sealed"))
        let context = context(
            id: try row.text("id"), tenantID: try row.textOrNil("tenant_id"), revision: try row.int8("revision"))
        do throws(SealingError) {
            guard let configuration = DestinationConfiguration(document: try ring.open(value, in: context)) else {
                return .failure(.unreadable)
            }
            return .success(configuration)
        } catch .unknownKey(let kid) {
            return .failure(.unknownKey(kid: kid))
        } catch {
            return .failure(.unreadable)
        }
    }
}
