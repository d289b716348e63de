package import Domain
import FoundationEssentials
import Postgres

/// Tenants, found by hopping through the index on their channels: as many steps as there are tenants on the page.
extension Store: TenantDirectory {
    package func tenants(after cursor: String?, limit: Int) async throws -> [TenantSummary] {
        let rows = try await pool.withConnection { connection in
            try await connection.query(
                """
                WITH RECURSIVE hop AS (
                    (SELECT tenant_id, 1 AS n FROM channels WHERE tenant_id > $1 ORDER BY tenant_id LIMIT 1)
                    UNION ALL
                    SELECT (SELECT c.tenant_id FROM channels c WHERE c.tenant_id > hop.tenant_id
                             ORDER BY c.tenant_id LIMIT 1), hop.n + 1
                      FROM hop WHERE hop.tenant_id IS NOT NULL AND hop.n < $2)
                SELECT hop.tenant_id, x.status, x.n FROM hop
                 CROSS JOIN LATERAL (SELECT s.status, count(*) AS n FROM channels c
                                       JOIN schedule s ON s.channel_id = c.id
                                      WHERE c.tenant_id = hop.tenant_id GROUP BY s.status) x
                 ORDER BY hop.n
                """, [.text(cursor ?? ""), .int4(Int32(min(max(limit, 1), 501)))])
        }.rows
        var tenants: [TenantSummary] = []
        for row in rows {
            let id = try row.text("tenant_id")
            if tenants.last?.id != id { tenants.append(TenantSummary(id: id, channels: [:])) }
            guard let status = ChannelStatus(rawValue: try row.int2("status")) else { continue }
            tenants[tenants.count - 1].channels[status] = Int(try row.int8("n"))
        }
        return tenants
    }
}
