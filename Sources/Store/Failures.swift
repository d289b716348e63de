package import Domain
package import FoundationEssentials
import Postgres

/// Storing ends without a credential, and giving claims back: PROTOCOL §4 Q4, Q5, Q6.
extension Store {
    package func complete(_ failures: [StoredFailure]) async throws -> [CompletionResult] {
        try await halving(failures) { batch in try await transaction { try await store(batch, on: $0) } }
    }

    package func release(_ claims: [(key: ClaimKey, dueAt: Date?)]) async throws {
        _ = try await transaction { connection in
            try await connection.query(
                """
                WITH i AS (SELECT * FROM unnest($1::text[], $2::int8[], $3::timestamptz[])
                                      AS i(channel_id, attempt, due_at)),
                l AS MATERIALIZED (
                  SELECT s.channel_id, i.due_at FROM schedule s JOIN i USING (channel_id)
                   WHERE s.attempt = i.attempt AND s.lease_until IS NOT NULL
                   ORDER BY s.channel_id FOR NO KEY UPDATE OF s)
                UPDATE schedule s
                   SET lease_until = NULL, due_at = CASE WHEN s.status IN (3, 4) THEN NULL ELSE l.due_at END
                  FROM l WHERE s.channel_id = l.channel_id
                """,
                [
                    .textArray(claims.map(\.key.channelID.rawValue)), .int8Array(claims.map(\.key.attempt)),
                    .timestamptzArray(claims.map(\.dueAt)),
                ])
        }
    }

    private func store(_ batch: [StoredFailure], on connection: PostgresConnection) async throws -> [CompletionResult] {
        let stored = try await connection.query(
            Self.failureStatement,
            [
                .textArray(batch.map(\.key.channelID.rawValue)), .int8Array(batch.map(\.key.attempt)),
                .int8Array(batch.map(\.base)), .textArray(batch.map(\.outcome.rawValue)), .textArray(batch.map(\.code)),
                .textArray(batch.map { String($0.message.prefix(300)) }), .timestamptzArray(batch.map(\.dueAt)),
                .boolArray(batch.map(\.doubt)), .int4Array(batch.map { Int32(clamping: $0.fails) }),
                .int4Array(batch.map { Int32(clamping: $0.denials) }), .textArray(batch.map { $0.warning?.rawValue }),
                .textArray(batch.map(\.providerRequestID)), .textArray(batch.map(\.actor)),
            ])
        let accepted = Set(try stored.rows.map { ChannelID(rawValue: try $0.text("channel_id")) })
        let missing = batch.map(\.key).filter { !accepted.contains($0.channelID) }
        let mine = try await settled(missing, byWritten: false, on: connection)
        return batch.map { accepted.contains($0.key.channelID) || mine.contains($0.key) ? .stored : .superseded }
    }

    /// The fence: I am the newest claim, I still hold it, and nothing was written since I read.
    private static let failureStatement = """
        WITH i AS (
          SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[], $4::text[], $5::text[], $6::text[],
                               $7::timestamptz[], $8::bool[], $9::int4[], $10::int4[], $11::text[], $12::text[],
                               $13::text[])
            AS i(channel_id, attempt, base, outcome, code, message, due_at, doubt, fails, denials, warning, request_id,
                 actor)),
        l AS MATERIALIZED (
          SELECT s.channel_id, s.status AS was, s.reason AS why, i.attempt, i.outcome, i.code, i.message, i.due_at,
                 i.doubt, i.fails, i.denials, i.warning, i.request_id, i.actor,
                 s.status IN (1, 2) AND i.warning IS NOT NULL
                   AND (s.status = 1 OR s.reason IS DISTINCT FROM i.warning) AS turns
            FROM schedule s JOIN i USING (channel_id)
           WHERE s.attempt = i.attempt AND s.written = i.base AND s.lease_until IS NOT NULL AND s.status <> 4
           ORDER BY s.channel_id FOR NO KEY UPDATE OF s),
        f AS (
          UPDATE schedule s
             SET lease_until = NULL, due_at = CASE WHEN l.was = 3 THEN NULL ELSE l.due_at END, doubt = l.doubt,
                 fails = l.fails, denials = l.denials, status = CASE WHEN l.turns THEN 2 ELSE l.was END,
                 reason = CASE WHEN l.turns THEN l.warning ELSE l.why END
            FROM l WHERE s.channel_id = l.channel_id),
        x AS (
          INSERT INTO conditions (channel_id, code, message, since, last_outcome, last_error, last_at)
          SELECT channel_id, CASE WHEN turns THEN code END, CASE WHEN turns THEN message END,
                 CASE WHEN turns THEN now() END, outcome, message, now() FROM l
          ON CONFLICT (channel_id) DO UPDATE
             SET code = coalesce(excluded.code, conditions.code), message = coalesce(excluded.message, conditions.message),
                 since = coalesce(excluded.since, conditions.since), last_outcome = excluded.last_outcome,
                 last_error = excluded.last_error, last_at = excluded.last_at),
        a AS (
          INSERT INTO audit (channel_id, attempt, outcome, actor, code, message, request_id)
          SELECT channel_id, attempt, outcome, actor, code, message, request_id FROM l ON CONFLICT DO NOTHING),
        e AS (
          INSERT INTO event (channel_id, attempt, kind, reason, code, message)
          SELECT channel_id, attempt, 'warning', warning, code, message FROM l WHERE turns)
        SELECT channel_id FROM l
        """

    /// Q5: of rows the fence refused, those that an earlier run of the same statement wrote; the others are superseded
    /// and get an audit row of their own.
    ///
    /// A later attempt may have written since: the audit knows the earlier run (I7).
    func settled(
        _ keys: [ClaimKey], byWritten: Bool, on connection: PostgresConnection
    ) async throws -> Set<ClaimKey> {
        guard !keys.isEmpty else { return [] }
        let parameters: [PostgresValue] = [
            .textArray(keys.map(\.channelID.rawValue)), .int8Array(keys.map(\.attempt)),
        ]
        let condition =
            byWritten
            ? """
            EXISTS (SELECT 1 FROM schedule s WHERE s.channel_id = i.channel_id AND s.written = i.attempt)
                OR EXISTS (SELECT 1 FROM audit a WHERE a.channel_id = i.channel_id AND a.attempt = i.attempt
                              AND a.outcome IN ('renewed', 'not_extended'))
            """
            : """
            EXISTS (SELECT 1 FROM audit a WHERE a.channel_id = i.channel_id AND a.attempt = i.attempt
                       AND a.outcome NOT IN ('superseded', 'lease_lost'))
            """
        let result = try await connection.query(
            """
            WITH i AS (SELECT * FROM unnest($1::text[], $2::int8[]) AS i(channel_id, attempt)),
            m AS (SELECT channel_id, attempt FROM i WHERE \(condition)),
            a AS (INSERT INTO audit (channel_id, attempt, outcome, actor)
                  SELECT channel_id, attempt, 'superseded', 'scheduler' FROM i
                   WHERE NOT EXISTS (SELECT 1 FROM m WHERE m.channel_id = i.channel_id AND m.attempt = i.attempt)
                      ON CONFLICT DO NOTHING)
            SELECT channel_id, attempt FROM m
            """, parameters)
        return Set(
            try result.rows.map {
                ClaimKey(channelID: ChannelID(rawValue: try $0.text("channel_id")), attempt: try $0.int8("attempt"))
            })
    }

    /// A row that the database refuses must not take its batch with it: the batch is halved until the row is alone.
    func halving<Row: Sendable>(
        _ batch: [Row], _ store: ([Row]) async throws -> [CompletionResult]
    ) async throws -> [CompletionResult] {
        guard !batch.isEmpty else { return [] }
        do {
            return try await store(batch)
        } catch PostgresError.server(let state, let message, _) where state.isDataError {
            guard batch.count > 1 else { return [.refused("\(state.rawValue): \(message)")] }
            let middle = batch.count / 2
            let left = try await halving(Array(batch[..<middle]), store)
            return left + (try await halving(Array(batch[middle...]), store))
        }
    }
}
