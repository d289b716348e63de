package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// Storing renewed pairs: PROTOCOL §4 Q3 with Q5.
extension Store {
    package func complete(_ successes: [StoredSuccess]) async throws -> [CompletionResult] {
        try await halving(successes) { batch in try await transaction { try await store(batch, on: $0) } }
    }

    private func store(_ batch: [StoredSuccess], on connection: PostgresConnection) async throws -> [CompletionResult] {
        let sealed = try batch.map {
            try seal(
                $0.credential, tenant: $0.tenantID, channel: $0.key.channelID, grant: $0.grantID,
                written: $0.key.attempt)
        }
        let parameters: [PostgresValue] = [
            .textArray(batch.map(\.key.channelID.rawValue)), .int8Array(batch.map(\.key.attempt)),
            .int8Array(batch.map(\.grantID)), .textArray(sealed.map(\.kid)), .byteaArray(sealed.map(\.bytes)),
            .timestamptzArray(batch.map(\.accessIssuedAt)), .timestamptzArray(batch.map(\.accessExpiresAt)),
            .timestamptzArray(batch.map(\.refreshExpiresAt)), .timestamptzArray(batch.map(\.humanDeadlineAt)),
            .timestamptzArray(batch.map(\.dueAt)), .boolArray(batch.map(\.doubt)),
            .boolArray(batch.map { $0.credential.refreshToken != nil }),
            .textArray(batch.map { $0.credential.scopes.joined(separator: " ") }),
            .textArray(batch.map(\.outcome.rawValue)), .textArray(batch.map(\.actor)),
            .boolArray(batch.map(\.keepsRefreshExpiry)),
        ]
        let stored = try await connection.query(Self.successStatement, parameters)
        var accepted: Set<ClaimKey> = []
        for row in stored.rows {
            accepted.insert(
                ClaimKey(channelID: ChannelID(rawValue: try row.text("channel_id")), attempt: try row.int8("attempt")))
        }
        let missing = batch.map(\.key).filter { !accepted.contains($0) }
        let mine = try await settled(missing, byWritten: true, on: connection)
        return batch.map { accepted.contains($0.key) || mine.contains($0.key) ? .stored : .superseded }
    }

    /// The fence is the same grant and a newer attempt than what is stored; the lease does not matter.
    ///
    /// A row that a newer claim holds keeps a due time in the past, whatever its status: without one nobody would find it
    /// again when its holder dies.
    private static let successStatement = """
        WITH i AS (
          SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[], $4::text[], $5::bytea[], $6::timestamptz[],
                               $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::bool[],
                               $12::bool[], $13::text[], $14::text[], $15::text[], $16::bool[])
            AS i(channel_id, attempt, grant_id, kid, sealed, issued, access_exp, refresh_exp, human_deadline, due_at,
                 doubt, has_refresh, scopes, outcome, actor, keeps)),
        l AS MATERIALIZED (
          SELECT s.channel_id, s.status AS was, s.reason AS why, s.attempt AS newest, i.attempt, i.kid, i.sealed,
                 i.issued, i.access_exp, i.refresh_exp, i.human_deadline, i.due_at, i.doubt, i.has_refresh, i.scopes,
                 i.outcome, i.actor, i.keeps,
                 s.status = 2 AND s.attempt <= i.attempt AND i.outcome = 'renewed'
                   AND s.reason IN ('refresh_failing', 'reauthorization_required', 'suspended') AS clears,
                 s.status IN (1, 2) AND s.attempt <= i.attempt AND i.outcome = 'not_extended'
                   AND (s.status = 1 OR s.reason = 'refresh_failing') AS warns
            FROM schedule s JOIN i USING (channel_id)
           WHERE s.grant_id = i.grant_id AND s.written < i.attempt AND s.status <> 4
           ORDER BY s.channel_id FOR NO KEY UPDATE OF s),
        f AS (
          UPDATE schedule s
             SET written = l.attempt, attempt = greatest(s.attempt, l.attempt),
                 doubt = l.newest > l.attempt OR l.doubt, fails = 0, denials = 0,
                 lease_until = CASE WHEN l.newest <= l.attempt THEN NULL ELSE s.lease_until END,
                 status = CASE WHEN l.warns THEN 2 WHEN l.clears THEN 1 ELSE l.was END,
                 reason = CASE WHEN l.warns THEN 'not_extended' WHEN l.clears THEN NULL ELSE l.why END,
                 due_at = CASE WHEN l.newest > l.attempt AND s.lease_until IS NOT NULL THEN least(s.due_at, now())
                               WHEN l.was = 3 THEN NULL
                               WHEN l.newest > l.attempt THEN now()
                               WHEN l.was = 2 AND NOT l.clears AND l.why IN ('scope_missing', 'sealed_unreadable')
                               THEN NULL
                               ELSE l.due_at END
            FROM l WHERE s.channel_id = l.channel_id),
        c AS (
          UPDATE credentials c
             SET sealed = l.sealed, kid = l.kid, written = l.attempt, epoch = c.epoch + 1,
                 access_issued_at = l.issued, access_expires_at = l.access_exp,
                 refresh_expires_at = CASE WHEN l.keeps THEN c.refresh_expires_at ELSE l.refresh_exp END,
                 human_deadline_at = CASE WHEN l.keeps THEN c.human_deadline_at ELSE l.human_deadline END,
                 has_refresh_token = l.has_refresh,
                 scopes = CASE WHEN l.scopes = '' THEN c.scopes ELSE string_to_array(l.scopes, ' ') END,
                 last_refresh_at = greatest(c.last_refresh_at, l.issued)
            FROM l WHERE c.channel_id = l.channel_id),
        d AS (
          DELETE FROM conditions x USING l
           WHERE x.channel_id = l.channel_id AND NOT l.warns AND (l.why IS NULL OR l.clears)),
        u AS (
          UPDATE conditions x SET last_outcome = l.outcome, last_error = NULL, last_at = now() FROM l
           WHERE x.channel_id = l.channel_id AND NOT l.warns AND l.why IS NOT NULL AND NOT l.clears),
        a AS (
          INSERT INTO audit (channel_id, attempt, outcome, actor, message)
          SELECT channel_id, attempt, outcome, actor,
                 CASE WHEN actor = 'scheduler' THEN 'Token refreshed automatically'
                      ELSE 'Token refreshed by ' || actor END
            FROM l ON CONFLICT DO NOTHING),
        e AS (
          INSERT INTO event (channel_id, attempt, kind, reason, code, message)
          SELECT channel_id, attempt, CASE WHEN warns THEN 'warning' ELSE 'recovered' END,
                 CASE WHEN warns THEN 'not_extended' ELSE why END, CASE WHEN warns THEN 'not_extended' END,
                 CASE WHEN warns THEN 'The provider answered with success, but the expiry did not move.' END
            FROM l WHERE clears OR warns),
        w AS (
          INSERT INTO conditions (channel_id, code, message, since, last_outcome, last_error, last_at)
          SELECT channel_id, 'not_extended', 'The provider answered with success, but the expiry did not move.', now(),
                 'not_extended', NULL, now() FROM l WHERE warns
          ON CONFLICT (channel_id) DO UPDATE SET code = excluded.code, message = excluded.message,
                 since = excluded.since, last_outcome = excluded.last_outcome, last_at = excluded.last_at)
        SELECT channel_id, attempt FROM l
        """
}
