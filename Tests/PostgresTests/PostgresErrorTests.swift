import Postgres
import TestSupport
import Testing

@Suite struct `Server errors` {
    private static let table = """
        CREATE TABLE t (id text PRIMARY KEY, n int4 CHECK (n < 10), kind varchar(3), own text NOT NULL DEFAULT '');
        INSERT INTO t VALUES ('sesame')
        """

    @Test(
        arguments: [
            ("INSERT INTO t (id) VALUES ($1)", "23505", "t_pkey"),
            ("INSERT INTO t (id, n) VALUES ('b', length($1) + 100)", "23514", "t_n_check"),
            ("INSERT INTO t (id, own) VALUES ($1 || 'x', NULL)", "23502", nil),
            ("INSERT INTO t (id, kind) VALUES ('c', $1)", "22001", nil),
            ("SELECT ($1::text)::int4", "22P02", nil),
            ("SELECT ($1::text)::jsonb", "22P02", nil),
            ("SELECT ($1::text)::timestamptz", "22007", nil),
            ("SELECT length($1::text) / 0", "22012", nil),
            ("SELECT nothing FROM t WHERE id = $1", "42703", nil),
            ("SELECT FROM nowhere WHERE 'x' = $1", "42P01", nil),
            ("SELECT raise_value($1)", "P0001", nil),
        ] as [(String, String, String?)])
    func `states and constraints are named, values never shown`(
        sql: String, state: String, constraint: String?
    ) async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            try await connection.execute(Self.table)
            try await connection.execute(
                """
                CREATE FUNCTION raise_value(v text) RETURNS void LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'bad value: % ("%")', v, v; END $$
                """)
            let error = await #expect(throws: PostgresError.self) { try await connection.query(sql, [.text("sesame")]) }
            guard case .server(let given, let message, let violated) = error else {
                Issue.record("not a server error: \(String(describing: error))")
                return
            }
            #expect(given == SQLState(rawValue: state))
            #expect(given.isDataError == (state.hasPrefix("22") || state.hasPrefix("23")))
            #expect(violated == constraint)
            #expect(!message.contains("sesame"), "\(message)")
            #expect(!"\(try #require(error))".contains("sesame"))
            // The session goes on.
            #expect(try await connection.query("SELECT 1::int4").rows[0].int4(0) == 1)
        }
    }

    @Test func `a script stops at its first error and leaves nothing`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            let error = await #expect(throws: PostgresError.self) {
                try await connection.execute("CREATE TABLE a (); CREATE TABLE a (); CREATE TABLE b ()")
            }
            guard case .server(let state, _, _) = error else {
                Issue.record("not a server error")
                return
            }
            #expect(state.rawValue == "42P07")
            let tables = try await connection.query("SELECT to_regclass('a')::text AS a, to_regclass('b')::text AS b")
            #expect(try tables.rows[0].textOrNil("a") == nil)
            #expect(try tables.rows[0].textOrNil("b") == nil)
        }
    }

    @Test func `conflicts of transactions are retryable, others are not`() {
        #expect(PostgresError.server(.serializationFailure, message: "", constraint: nil).isRetryable)
        #expect(PostgresError.server(.deadlockDetected, message: "", constraint: nil).isRetryable)
        #expect(!PostgresError.server(.uniqueViolation, message: "", constraint: nil).isRetryable)
        #expect(!PostgresError.connectionLost("").isRetryable)
    }
}
