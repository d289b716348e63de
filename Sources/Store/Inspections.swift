package import Domain
import FoundationEssentials
import Postgres

/// Storing what a provider said of a token: the fence of Q4, and no new credential.
extension Store {
    package func complete(_ inspections: [StoredInspection]) async throws -> [CompletionResult] {
        try await halving(inspections) { batch in try await transaction { try await store(batch, on: $0) } }
    }

    private func store(
        _ batch: [StoredInspection], on connection: PostgresConnection
    ) async throws -> [CompletionResult] {
        let stored = try await connection.query(
            Self.inspectionStatement,
            [
                .textArray(batch.map(\.key.channelID.rawValue)), .int8Array(batch.map(\.key.attempt)),
                .int8Array(batch.map(\.base)), .timestamptzArray(batch.map(\.accessExpiresAt)),
                .timestamptzArray(batch.map(\.humanDeadlineAt)), .timestamptzArray(batch.map(\.dueAt)),
                .textArray(batch.map(\.actor)),
            ])
        let accepted = Set(try stored.rows.map { ChannelID(rawValue: try $0.text("channel_id")) })
        let missing = batch.map(\.key).filter { !accepted.contains($0.channelID) }
        let mine = try await settled(missing, byWritten: false, on: connection)
        return batch.map { accepted.contains($0.key.channelID) || mine.contains($0.key) ? .stored : .superseded }
    }

    private static let inspectionStatement = """
        WITH i AS (
          SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[], $4::timestamptz[], $5::timestamptz[],
                               $6::timestamptz[], $7::text[])
            AS i(channel_id, attempt, base, access_exp, human_deadline, due_at, actor)),
        l AS MATERIALIZED (
          SELECT s.channel_id, s.status AS was, i.attempt, i.access_exp, i.human_deadline, i.due_at, i.actor
            FROM schedule s JOIN i USING (channel_id)
           WHERE s.attempt = i.attempt AND s.written = i.base AND s.lease_until IS NOT NULL AND s.status <> 4
           ORDER BY s.channel_id FOR NO KEY UPDATE OF s),
        f AS (
          UPDATE schedule s SET lease_until = NULL, due_at = CASE WHEN l.was = 3 THEN NULL ELSE l.due_at END
            FROM l WHERE s.channel_id = l.channel_id),
        c AS (
          UPDATE credentials c SET access_expires_at = l.access_exp, human_deadline_at = l.human_deadline
            FROM l WHERE c.channel_id = l.channel_id),
        a AS (
          INSERT INTO audit (channel_id, attempt, outcome, actor, code, message)
          SELECT channel_id, attempt, 'not_due', actor, 'inspected', 'The provider was asked about the token'
            FROM l ON CONFLICT DO NOTHING)
        SELECT channel_id FROM l
        """
}
