package import Domain
import FoundationEssentials
import Postgres

/// Pages of channels in order of id, flat however many channels there are.
///
/// A filter that may match few rows is asked for its matches through an index first. When it has more than
/// ``candidatesMax`` of them they are dense enough to be met in the order of ids.
extension Store {
    static let candidatesMax = 5_000

    package func channels(_ filter: ChannelFilter, after cursor: ChannelID?, limit: Int) async throws -> [Channel] {
        var conditions = Conditions()
        // Of each table, or a merge of them would begin at the first row.
        if let cursor {
            conditions.require("c.id > ? AND s.channel_id > ? AND k.channel_id > ?", .text(cursor.rawValue))
        }
        if let tenant = filter.tenantID { conditions.require("c.tenant_id = ?", .text(tenant)) }
        if let user = filter.userID { conditions.require("c.user_id = ?", .text(user)) }
        if let provider = filter.provider { conditions.require("c.provider = ?", .text(provider)) }
        // Literal, so that the planner knows the partial index that fits.
        if let status = filter.status { conditions.require("s.status = \(status.rawValue)") }
        if let within = filter.expiringWithin {
            conditions.require("k.access_expires_at <= now() + make_interval(secs => ?)", .float8(within.seconds))
        }
        if let query = filter.query {
            conditions.require(
                "search_text(c.id, c.display_name, c.local_name, c.external_id) LIKE ?", .text(Self.pattern(query)))
        }
        let candidates = [
            try await filter.expiringWithin.asyncFlatMap { try await expiring(within: $0) },
            try await filter.query.asyncFlatMap { try await matching($0) },
        ]
        for ids in candidates { if let ids { conditions.require("c.id = ANY (?)", .textArray(ids)) } }
        let sql = """
            \(Self.channelSelect) \(conditions.clause) ORDER BY c.id LIMIT \(min(max(limit, 1), 501))
            """
        let parameters = conditions.parameters
        let result = try await pool.withConnection { try await $0.query(sql, parameters) }
        return try result.rows.map(channel)
    }

    /// Channels whose token may end within this time; nil when there are many.
    ///
    /// A channel is due before its token ends, and the index of due rows is there for the loop anyway; who has no due
    /// time is not active, or never expires.
    private func expiring(within: Duration) async throws -> [String]? {
        let sql = """
            SELECT channel_id FROM (
                SELECT d.channel_id FROM (SELECT DISTINCT provider FROM channel_counts
                                          UNION SELECT DISTINCT provider FROM channel_count_changes) p
                  CROSS JOIN LATERAL (SELECT s.channel_id FROM schedule s
                     WHERE s.provider = p.provider AND s.due_at <= now() + make_interval(secs => $1)
                     ORDER BY s.due_at LIMIT \(Self.candidatesMax + 1)) d
                UNION ALL SELECT channel_id FROM schedule WHERE status <> 1) x
             LIMIT \(Self.candidatesMax + 1)
            """
        return try await ids(sql, [.float8(within.seconds)])
    }

    /// Channels whose text holds these letters; nil when there are many, or too few letters to look for.
    private func matching(_ query: String) async throws -> [String]? {
        guard query.unicodeScalars.count >= 3 else { return nil }
        let sql = """
            SELECT id AS channel_id FROM channels
             WHERE search_parts(search_text(id, display_name, local_name, external_id)) @> search_parts(lower($1))
               AND search_text(id, display_name, local_name, external_id) LIKE $2
             LIMIT \(Self.candidatesMax + 1)
            """
        return try await ids(sql, [.text(query), .text(Self.pattern(query))])
    }

    private func ids(_ sql: String, _ parameters: [PostgresValue]) async throws -> [String]? {
        let result = try await pool.transaction { connection in
            // The whole answer is wanted, up to the limit: walking another index in hope would be slow.
            try await connection.query("SET LOCAL enable_seqscan = off")
            return try await connection.query(sql, parameters)
        }
        guard result.rows.count <= Self.candidatesMax else { return nil }
        return try result.rows.map { try $0.text("channel_id") }
    }

    private static func pattern(_ query: String) -> String {
        let escaped = query.lowercased().replacing("\\", with: "\\\\").replacing("%", with: "\\%")
            .replacing("_", with: "\\_")
        return "%" + escaped + "%"
    }

    /// A `WHERE` with numbered parameters.
    private struct Conditions {
        private(set) var parameters: [PostgresValue] = []
        private var texts: [String] = []

        /// - Parameter text: with one `?` for the value.
        mutating func require(_ text: String, _ value: PostgresValue? = nil) {
            if let value { parameters.append(value) }
            texts.append(text.replacing("?", with: "$\(parameters.count)"))
        }

        var clause: String { texts.isEmpty ? "" : "WHERE " + texts.joined(separator: " AND ") }
    }
}

extension Optional {
    fileprivate func asyncFlatMap<Value>(_ transform: (Wrapped) async throws -> Value?) async rethrows -> Value? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
