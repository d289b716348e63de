package import Domain
import FoundationEssentials
import Postgres

/// Removing what is kept no longer (docs/decisions/0010). Each step counts with the same condition that it removes by.
extension Store: CleanupStore {
    /// Rows a transaction removes at most; nobody waits behind a delete of years.
    static let cleanupBatch = 2000

    package func countForCleanup(_ step: CleanupStep, _ policy: CleanupPolicy) async throws -> Int {
        switch step {
        case .secrets: try await countRows(Self.shreddable, [])
        case .authorizations: try await countRows(Self.endedAuthorizations, [])
        case .audit: try await walkAudit(policy, removing: false)
        case .changes: try await countRows(Self.oldChanges, [.int4(Int32(clamping: policy.auditDays))])
        case .jobs: try await countRows(Self.surplusJobs, Self.keeping(policy.jobs))
        case .relay: try await countRelay(before: try await cutoff(policy))
        }
    }

    package func clean(_ step: CleanupStep, _ policy: CleanupPolicy) async throws -> Int {
        switch step {
        case .secrets: return try await shredSecrets()
        case .authorizations:
            let count = try await countRows(Self.endedAuthorizations, [])
            try await tidyAuthorizations()
            return count
        case .audit: return try await walkAudit(policy, removing: true)
        case .changes:
            return try await removeInBatches(
                """
                DELETE FROM changes WHERE id = ANY (ARRAY(
                    SELECT id FROM \(Self.oldChanges) ORDER BY at LIMIT \(Self.cleanupBatch)))
                """, [.int4(Int32(clamping: policy.auditDays))])
        case .jobs:
            return try await removeInBatches(
                "DELETE FROM jobs WHERE id = ANY (ARRAY(SELECT id FROM \(Self.surplusJobs) LIMIT \(Self.cleanupBatch)))",
                Self.keeping(policy.jobs))
        case .relay: return try await purgeRelay(before: try await cutoff(policy))
        }
    }

    private static let endedAuthorizations = """
        authorizations WHERE finished_at < now() - interval '\(CleanupPolicy.authorizationDays) days'
                          OR state = 'exchanged' AND created_at < now() - interval '1 day'
                          OR state = 'redeeming' AND created_at < now() - interval '7 days'
        """

    private static let oldChanges = "changes WHERE at < now() - make_interval(days => $1)"

    private static let surplusJobs = """
        (SELECT id, state, finished_at, row_number() OVER (PARTITION BY tenant_id, state
                                                               ORDER BY finished_at DESC, id DESC) AS place
           FROM jobs WHERE finished_at IS NOT NULL) j
         WHERE place > CASE WHEN state = 'completed' THEN $1 ELSE $2 END AND finished_at < now() - \(pruneAfter)
        """

    private static func keeping(_ jobs: JobRetention) -> [PostgresValue] {
        [.int8(Int64(jobs.completed)), .int8(Int64(jobs.failed))]
    }

    private func countRows(_ source: String, _ parameters: [PostgresValue]) async throws -> Int {
        let result = try await pool.withConnection {
            try await $0.query("SELECT count(*) AS n FROM \(source)", parameters)
        }
        return Int(try result.rows[0].int8("n"))
    }

    private func removeInBatches(_ statement: String, _ parameters: [PostgresValue]) async throws -> Int {
        var rows = 0
        while true {
            try Task.checkCancellation()
            let removed = try await transaction { try await $0.query(statement, parameters).affected }
            rows += removed
            if removed < Self.cleanupBatch { return rows }
        }
    }

    private func cutoff(_ policy: CleanupPolicy) async throws -> Date {
        let result = try await pool.withConnection {
            try await $0.query(
                "SELECT now() - make_interval(days => $1) AS at", [.int4(Int32(clamping: policy.auditDays))])
        }
        return try result.rows[0].date("at")
    }

    // MARK: Audit

    /// Goes through the audit by its key, channel by channel: an attempt's number is the database's time in
    /// microseconds, so that the rows before a time are one range of each channel and no index on the time is needed.
    private func walkAudit(_ policy: CleanupPolicy, removing: Bool) async throws -> Int {
        var rows = 0
        var last = ""
        let old = """
            FROM audit WHERE channel_id = ANY ($1) AND at < now() - make_interval(days => $2)
             AND attempt < (extract(epoch FROM now() - make_interval(days => $2)) * 1000000)::int8
            """
        while true {
            let ids = try await pool.withConnection { [last] connection in
                try await connection.query(
                    "SELECT id FROM channels WHERE id > $1 ORDER BY id LIMIT 200", [.text(last)])
            }.rows.map { try $0.text("id") }
            guard let end = ids.last else { return rows }
            last = end
            let parameters: [PostgresValue] = [.textArray(ids), .int4(Int32(clamping: policy.auditDays))]
            if removing {
                rows += try await removeInBatches(
                    "DELETE FROM audit WHERE ctid = ANY (ARRAY(SELECT ctid \(old) LIMIT \(Self.cleanupBatch)))",
                    parameters)
            } else {
                let count = try await pool.withConnection {
                    try await $0.query("SELECT count(*) AS n \(old)", parameters)
                }
                rows += Int(try count.rows[0].int8("n"))
            }
        }
    }

    // MARK: Relay

    /// The rows of ``purgeRelay(before:)``: an incident and a destination go with the last delivery that names them.
    private func countRelay(before: Date) async throws -> Int {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT (SELECT count(*) FROM deliveries WHERE finished_at < $1)
                     + (SELECT count(*) FROM incidents n WHERE n.closed_at < $1 AND NOT EXISTS (
                           SELECT 1 FROM delivery_items i JOIN deliveries d ON d.id = i.delivery_id
                            WHERE i.incident_id = n.id AND (d.finished_at IS NULL OR d.finished_at >= $1)))
                     + (SELECT count(*) FROM event WHERE expanded_at < $1)
                     + (SELECT count(*) FROM silences WHERE ends_at < $1)
                     + (SELECT count(*) FROM platform_events WHERE at < $1)
                     + (SELECT count(*) FROM destinations x WHERE x.removed_at < $1 AND NOT EXISTS (
                           SELECT 1 FROM deliveries d
                            WHERE d.destination_id = x.id AND (d.finished_at IS NULL OR d.finished_at >= $1))) AS n
                """, [.timestamptz(before)])
        }
        return Int(try result.rows[0].int8("n"))
    }
}
