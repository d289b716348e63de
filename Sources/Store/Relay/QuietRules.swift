import Domain
import FoundationEssentials
import Postgres

/// The silences and mutes in force at one moment.
struct QuietRules {
    private let silences: [Silence]
    private let mutes: Set<Receiver>

    /// Columns that tell whether there are any: mostly there are none, and nothing is to be read.
    static let presence = """
        EXISTS (SELECT FROM silences WHERE ends_at > now()) AS has_silences, EXISTS (SELECT FROM mutes) AS has_mutes
        """

    /// - Parameter row: a row of this transaction with the columns ``presence``; nil: read them all.
    init(among row: PostgresRow?, now: Date, on connection: PostgresConnection) async throws {
        silences = try row?.bool("has_silences") == false ? [] : await Self.silences(now: now, on: connection)
        mutes = try row?.bool("has_mutes") == false ? [] : await Self.mutes(on: connection)
    }

    private static func silences(now: Date, on connection: PostgresConnection) async throws -> [Silence] {
        try await connection.query(
            """
            SELECT \(SilenceRow.columns) FROM silences WHERE starts_at <= $1 AND ends_at > $1
             ORDER BY ends_at DESC LIMIT 10000
            """, [.timestamptz(now)]
        ).rows.map(SilenceRow.silence)
    }

    private static func mutes(on connection: PostgresConnection) async throws -> Set<Receiver> {
        Set(try await connection.query("SELECT destination_id, recipient FROM mutes").rows.map(Receiver.init))
    }

    /// When the last silence that covers the incident ends; nil: none does.
    func end(of target: DeliveryTarget) -> Date? {
        silences.first { $0.covers(target) }?.endsAt
    }

    func isMuted(_ receiver: Receiver) -> Bool {
        mutes.contains(receiver) || mutes.contains(Receiver(destinationID: receiver.destinationID, recipient: ""))
    }
}

/// One address a message goes to.
struct Receiver: Hashable {
    var destinationID: String
    /// An e-mail address; empty for other kinds.
    var recipient: String

    init(destinationID: String, recipient: String) {
        self.destinationID = destinationID
        self.recipient = recipient
    }

    init(_ row: PostgresRow) throws {
        destinationID = try row.text("destination_id")
        recipient = try row.text("recipient")
    }

    static func all(of destination: DestinationSummary) -> [Receiver] {
        (destination.recipients.isEmpty ? [""] : destination.recipients).map {
            Receiver(destinationID: destination.id, recipient: $0)
        }
    }
}

extension Silence {
    /// A tenant's silence covers nothing else, whatever its match says.
    func covers(_ target: DeliveryTarget) -> Bool {
        (tenantID == nil || tenantID == target.tenantID)
            && match.covers(
                incident: target.incidentID, cause: target.cause, severity: target.severity, provider: target.provider,
                tenantID: target.tenantID)
    }
}

/// A silence's columns.
enum SilenceRow {
    static let columns = "id, tenant_id, match, starts_at, ends_at, author, comment, created_at"

    static func silence(_ row: PostgresRow) throws -> Silence {
        let match = try JSONDecoder().decode(SilenceMatch.self, from: Data(try row.json("match").utf8))
        return Silence(
            id: try row.text("id"), tenantID: try row.textOrNil("tenant_id"), match: match,
            startsAt: try row.date("starts_at"), endsAt: try row.date("ends_at"), author: try row.text("author"),
            comment: try row.text("comment"), createdAt: try row.date("created_at"))
    }

    static func json(_ match: SilenceMatch) -> String {
        // Strings and numbers always encode.
        (try? JSONEncoder().encode(match)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
