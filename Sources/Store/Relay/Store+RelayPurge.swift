import Domain
package import FoundationEssentials
import Postgres

/// Deleting what is long over.
extension Store {
    package func purgeRelay(before: Date) async throws -> Int {
        var rows = 0
        for statement in Self.purges {
            // In small transactions: a delete of years must not hold anybody up.
            while true {
                let deleted = try await transaction { connection in
                    try await connection.query(statement, [.timestamptz(before)]).affected
                }
                rows += deleted
                if deleted < Self.purgeBatch { break }
            }
        }
        return rows
    }

    private static let purgeBatch = 1000

    private static let purges = [
        """
        WITH d AS (
          DELETE FROM deliveries WHERE id IN (
            SELECT id FROM deliveries WHERE finished_at < $1 ORDER BY finished_at LIMIT \(purgeBatch)) RETURNING id),
        i AS (DELETE FROM delivery_items WHERE delivery_id IN (SELECT id FROM d)),
        a AS (DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT id FROM d))
        SELECT id FROM d
        """,
        """
        DELETE FROM incidents WHERE id IN (
            SELECT n.id FROM incidents n WHERE n.closed_at < $1
               AND NOT EXISTS (SELECT 1 FROM delivery_items i WHERE i.incident_id = n.id)
             ORDER BY n.closed_at LIMIT \(purgeBatch))
        """,
        """
        DELETE FROM event WHERE expanded_at < $1 AND id IN (
            SELECT id FROM event WHERE expanded_at IS NOT NULL ORDER BY id LIMIT \(purgeBatch))
        """,
        "DELETE FROM silences WHERE id IN (SELECT id FROM silences WHERE ends_at < $1 LIMIT \(purgeBatch))",
        """
        DELETE FROM platform_events WHERE (tenant_id, id) IN (
            SELECT tenant_id, id FROM platform_events WHERE at < $1 LIMIT \(purgeBatch))
        """,
        """
        DELETE FROM destinations WHERE id IN (
            SELECT x.id FROM destinations x WHERE x.removed_at < $1
               AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.destination_id = x.id) LIMIT \(purgeBatch))
        """,
    ]
}
