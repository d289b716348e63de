import Domain
import FoundationEssentials
import Postgres

/// The end of a disconnected channel's secrets.
///
/// Only of disconnected channels: an access token that has expired says nothing of the refresh token beside it, which is
/// what brings the next one.
extension Store {
    private static let shredBatch = 100

    static let shreddable = """
        channels WHERE disconnected_at < now() - interval '\(CleanupPolicy.secretDays) days' AND shredded_at IS NULL
        """

    /// - Returns: how many channels' secrets are gone.
    func shredSecrets() async throws -> Int {
        var count = 0
        var last = ""
        while true {
            try Task.checkCancellation()
            let after = last
            let (seen, shredded) = try await transaction { connection -> ([String], Int) in
                let found = try await connection.query(
                    "SELECT id FROM \(Self.shreddable) AND id > $1 ORDER BY id LIMIT \(Self.shredBatch)", [.text(after)]
                ).rows.map { try $0.text("id") }
                var shredded = 0
                for id in found where try await shred(ChannelID(rawValue: id), on: connection) { shredded += 1 }
                return (found, shredded)
            }
            count += shredded
            guard let end = seen.last else { return count }
            last = end
        }
    }

    /// The fence row first (PROTOCOL W1, W2): whoever connected the channel meanwhile keeps what it stored.
    private func shred(_ id: ChannelID, on connection: PostgresConnection) async throws -> Bool {
        guard let fence = try await lock(id, tenantID: nil, on: connection), fence.status == .disconnected else {
            return false
        }
        try await connection.query(
            "UPDATE schedule SET attempt = $2, grant_id = $2, written = $2 WHERE channel_id = $1",
            [.text(id.rawValue), .int8(fence.next)])
        _ = try await reseal(id, fence: fence, purge: true, on: connection)
        try await connection.query("UPDATE channels SET shredded_at = now() WHERE id = $1", [.text(id.rawValue)])
        try await connection.query("DELETE FROM grant_fingerprints WHERE channel_id = $1", [.text(id.rawValue)])
        try await connection.query(
            """
            INSERT INTO audit (channel_id, attempt, outcome, actor, message)
            VALUES ($1, $2, 'shredded', 'cleanup', $3) ON CONFLICT DO NOTHING
            """,
            [
                .text(id.rawValue), .int8(fence.next),
                .text("Secrets shredded \(CleanupPolicy.secretDays) days after the channel was disconnected"),
            ])
        try await note(
            AuditChange(action: "channel.shredded", tenantID: fence.tenant, subject: id.rawValue), by: "cleanup",
            on: connection)
        return true
    }
}
