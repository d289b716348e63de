import Postgres
import TestSupport
import Testing

@Suite struct `Connection` {
    @Test func `a statement returns its rows`() async throws {
        try await TestDatabase.withSchema { database in
            let result = try await database.pool.withConnection {
                try await $0.query("SELECT 40 + $1::int4 AS n", [.int4(2)])
            }
            #expect(try result.rows.map { try $0.int4("n") } == [42])
            #expect(result.commandTag == "SELECT 1")
        }
    }
}
