package import Domain
import Postgres

/// Counts over channels in one pass: of a tenant through its index, of the installation over every row.
extension Store: StatisticsSource {
    package func statistics(tenantID: String?) async throws -> RefreshStatistics {
        // A tenant's channels are found by the index; then their two other rows by key.
        let (source, parameters): (String, [PostgresValue]) =
            tenantID.map { tenant in
                (
                    """
                    channels c JOIN schedule s ON s.channel_id = c.id JOIN credentials k ON k.channel_id = c.id
                     WHERE c.tenant_id = $1 AND s.status <> 4
                    """, [.text(tenant)]
                )
            } ?? ("schedule s JOIN credentials k USING (channel_id) WHERE s.status <> 4", [])
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT grouping(provider) AS no_provider, grouping(tenant_id) AS no_tenant, provider, tenant_id,
                       count(*) AS channels, count(*) FILTER (WHERE status = 1) AS active,
                       count(*) FILTER (WHERE status = 2) AS warning, count(*) FILTER (WHERE status = 3) AS paused,
                       count(*) FILTER (WHERE needing) AS needing, count(*) FILTER (WHERE has_refresh_token) AS refreshable,
                       count(*) FILTER (WHERE urgent) AS urgent
                  FROM (SELECT s.provider, k.tenant_id, s.status, k.has_refresh_token,
                               s.status = 2 OR s.status = 1 AND (s.fails > 0 OR coalesce(s.due_at <= now(), false))
                                   AS needing,
                               coalesce(k.access_expires_at <= now()
                                   + make_interval(secs => \(RefreshStatistics.urgentWithin.seconds)), false) AS urgent
                          FROM \(source)) x
                 GROUP BY GROUPING SETS ((), (provider), (tenant_id))
                 ORDER BY no_tenant DESC, channels DESC, tenant_id LIMIT \(1000 + RefreshStatistics.tenantsMax)
                """, parameters)
        }
        var statistics = RefreshStatistics()
        for row in result.rows {
            let counts = RefreshStatistics.Counts(
                channels: Int(try row.int8("channels")), active: Int(try row.int8("active")),
                warning: Int(try row.int8("warning")), paused: Int(try row.int8("paused")),
                needingRefresh: Int(try row.int8("needing")), withRefreshToken: Int(try row.int8("refreshable")),
                urgent: Int(try row.int8("urgent")))
            if try row.int4("no_provider") == 0 {
                statistics.providers[try row.text("provider")] = counts
            } else if try row.int4("no_tenant") == 1 {
                statistics.total = counts
            } else if statistics.tenants.count < RefreshStatistics.tenantsMax {
                statistics.tenants[try row.text("tenant_id")] = counts
            }
        }
        return statistics
    }
}
