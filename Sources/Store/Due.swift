package import Domain
import FoundationEssentials
import Postgres

/// Reading the schedule without claiming.
extension Store: RefreshStore {
    package func due(providers: [String], excludingApps: [String]) async throws -> DueProviders {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT p AS provider, now() AS now,
                       (SELECT due_at FROM schedule s
                         WHERE s.provider = p AND due_at IS NOT NULL AND lease_until IS NULL AND app_id <> ALL ($2)
                         ORDER BY due_at LIMIT 1) AS due_at
                  FROM unnest($1::text[]) AS p
                """, [.textArray(providers), .textArray(excludingApps)])
        }
        var answer = DueProviders(due: [], next: nil, databaseTime: Date())
        for row in result.rows {
            answer.databaseTime = try row.date("now")
            guard let dueAt = try row.dateOrNil("due_at") else { continue }
            if dueAt <= answer.databaseTime {
                answer.due.append(try row.text("provider"))
            } else {
                answer.next = min(answer.next ?? dueAt, dueAt)
            }
        }
        return answer
    }

    package func snapshots(of channels: [ChannelID]) async throws -> [ChannelSnapshot] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT s.channel_id, k.tenant_id, s.provider, s.app_id, s.status, s.reason,
                       s.lease_until IS NOT NULL AS held, s.due_at, s.attempt, s.written, s.doubt, s.fails, s.denials, k.epoch,
                       k.access_issued_at, k.access_expires_at, k.last_refresh_at, now() AS now
                  FROM schedule s JOIN credentials k USING (channel_id) WHERE s.channel_id = ANY ($1)
                """, [.textArray(channels.map(\.rawValue))])
        }
        return try result.rows.map { row in
            ChannelSnapshot(
                id: ChannelID(rawValue: try row.text("channel_id")), tenantID: try row.text("tenant_id"),
                provider: try row.text("provider"), appID: try row.text("app_id"),
                status: ChannelStatus(rawValue: try row.int2("status")) ?? .active,
                reason: try row.textOrNil("reason").flatMap(WarningReason.init), isHeld: try row.bool("held"),
                dueAt: try row.dateOrNil("due_at"), attempt: try row.int8("attempt"), written: try row.int8("written"),
                doubt: try row.bool("doubt"), fails: Int(try row.int4("fails")),
                denials: Int(try row.int4("denials")), epoch: try row.int8("epoch"),
                accessIssuedAt: try row.dateOrNil("access_issued_at"),
                accessExpiresAt: try row.dateOrNil("access_expires_at"),
                lastRefreshAt: try row.dateOrNil("last_refresh_at"), databaseTime: try row.date("now"))
        }
    }

    package func fences(of channels: [ChannelID]) async throws -> [ChannelID: ChannelFence] {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                "SELECT channel_id, grant_id, attempt, written, status FROM schedule WHERE channel_id = ANY ($1)",
                [.textArray(channels.map(\.rawValue))])
        }
        return try Dictionary(
            uniqueKeysWithValues: result.rows.map { row in
                (
                    ChannelID(rawValue: try row.text("channel_id")),
                    ChannelFence(
                        grantID: try row.int8("grant_id"), attempt: try row.int8("attempt"),
                        written: try row.int8("written"),
                        status: ChannelStatus(rawValue: try row.int2("status")) ?? .active)
                )
            })
    }
}
