import FoundationEssentials
package import Postgres

extension PostgresConnection {
    /// The tables of incidents and messages.
    package static let relay = [
        "event", "incidents", "incident_members", "deliveries", "delivery_attempts", "destinations", "silences",
        "mutes",
    ]

    /// Lets time pass: every moment stored in tables of the current schema lies that much further back.
    ///
    /// The service asks the database's clock alone about leases, reminders and silences, so days pass at once.
    ///
    /// - Parameter tables: nil: all.
    package func pass(_ seconds: Int, only tables: [String]? = nil) async throws {
        let columns = try await query(
            """
            SELECT c.table_name::text, string_agg(
                       format('%1$I = %1$I - interval ''\(seconds) s''', c.column_name), ', ') AS sets
              FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
             WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
               AND c.data_type = 'timestamp with time zone' AND c.table_name <> 'schema_migrations'
               AND ($1::text[] IS NULL OR c.table_name = ANY ($1))
             GROUP BY c.table_name ORDER BY c.table_name
            """, [tables.map { .textArray($0) } ?? .null])
        for row in columns.rows {
            try await execute("UPDATE \(try row.text("table_name")) SET \(try row.text("sets"))")
        }
    }
}
