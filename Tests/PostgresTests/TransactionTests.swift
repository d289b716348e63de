import Glibc
import Postgres
import TestSupport
import Testing

private func failure<Value>(_ body: () async throws -> Value) async -> PostgresError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? PostgresError
    }
}

/// Of the thread that runs this.
private func threadID() -> pthread_t { pthread_self() }

@Suite struct `Transaction` {
    private struct Refusal: Error {}

    /// A table whose inserts run `body` (PL/pgSQL) in COMMIT.
    private static func deferred(_ body: String) -> String {
        """
        CREATE TABLE t (n int4);
        CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \(body) RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION at_commit()
        """
    }

    private static func count(_ database: TestDatabase) async throws -> Int64 {
        try await database.pool.withConnection { try await $0.query("SELECT count(*) AS n FROM t").rows[0].int8("n") }
    }

    /// Inserts a row in a transaction whose COMMIT runs `body`; the error, and the rows there afterwards.
    private static func commit(
        running body: String, configure: (inout PostgresConfiguration) -> Void = { _ in }
    ) async throws -> (error: PostgresError?, rows: Int64) {
        try await TestDatabase.withSchema(configure: configure) { database in
            try await database.pool.withConnection { try await $0.execute(deferred(body)) }
            let error = await failure {
                try await database.pool.transaction { try await $0.query("INSERT INTO t VALUES (1)") }
            }
            return (error, try await count(database))
        }
    }

    @Test func `commits what the body wrote`() async throws {
        let (error, rows) = try await Self.commit(running: "")
        #expect(error == nil)
        #expect(rows == 1)
    }

    @Test func `its body stays on the thread of its connection`() async throws {
        try await TestDatabase.withSchema { database in
            let threads = try await database.pool.transaction { connection in
                let before = threadID()
                try await connection.query("SELECT 1")
                return [before, threadID()]
            }
            #expect(threads[0] == threads[1])
            #expect(threads[0] != threadID())
        }
    }

    @Test func `rolls back when the body throws, and the connection is used again`() async throws {
        try await TestDatabase.withSchema(size: 1) { database in
            try await database.pool.withConnection { try await $0.execute("CREATE TABLE t (n int4)") }
            let process = try await database.pool.withConnection { await $0.processID }
            await #expect(throws: Refusal.self) {
                try await database.pool.transaction { connection in
                    try await connection.query("INSERT INTO t VALUES (1)")
                    throw Refusal()
                }
            }
            let error = await failure {
                try await database.pool.transaction { connection in
                    try await connection.query("INSERT INTO t VALUES (1)")
                    try await connection.query("SELECT 1 / 0")
                }
            }
            guard case .server(SQLState(rawValue: "22012"), _, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(try await Self.count(database) == 0)
            #expect(try await database.pool.withConnection { await $0.processID } == process)
        }
    }

    @Test func `a COMMIT with a warning counts as unknown`() async throws {
        let (error, rows) = try await Self.commit(running: "RAISE WARNING 'not yet' USING ERRCODE = '01000';")
        guard case .commitUnknown(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("not yet"))
        #expect(rows == 1)
    }

    @Test func `a session that ends in COMMIT leaves it unknown`() async throws {
        let (error, rows) = try await Self.commit(
            running: "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5);")
        guard case .commitUnknown(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.hasPrefix("the session ended in COMMIT"))
        #expect(rows == 0)
    }

    @Test func `a COMMIT past its limit closes the session and is unknown`() async throws {
        let start = ContinuousClock.now
        let (error, _) = try await Self.commit(running: "PERFORM pg_sleep(1);") {
            $0.commitTimeout = .milliseconds(100)
        }
        guard case .commitUnknown(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.hasPrefix("COMMIT had no answer"))
        #expect(start.duration(to: .now) < .seconds(10))
    }

    @Test func `a COMMIT that is refused is a server error, and certain`() async throws {
        let (error, rows) = try await Self.commit(running: "RAISE EXCEPTION 'no' USING ERRCODE = '23514';")
        guard case .server(let state, _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(state.rawValue == "23514")
        #expect(rows == 0)
    }

    @Test func `a body that swallows an error gets COMMIT answered with ROLLBACK`() async throws {
        try await TestDatabase.withSchema { database in
            let error = await failure {
                try await database.pool.transaction { connection in
                    _ = await failure { try await connection.query("SELECT 1 / 0") }
                }
            }
            guard case .commitUnknown(let reason) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("ROLLBACK"))
        }
    }

    @Test func `a cancellation after the body does not stop the COMMIT`() async throws {
        try await TestDatabase.withSchema { database in
            try await database.pool.withConnection { try await $0.execute("CREATE TABLE t (n int4)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                let (written, cancelled) = (TestSignal(), TestSignal())
                group.addTask {
                    try await database.pool.transaction { connection in
                        try await connection.query("INSERT INTO t VALUES (1)")
                        written.send()
                        try? await cancelled.wait()
                    }
                }
                try await written.wait()
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(try await Self.count(database) == 1)
        }
    }

    @Test func `a cancellation in the body rolls back`() async throws {
        try await TestDatabase.withSchema { database in
            try await database.pool.withConnection { try await $0.execute("CREATE TABLE t (n int4)") }
            let error = try await withThrowingTaskGroup(of: PostgresError?.self) { group in
                let written = TestSignal()
                group.addTask {
                    await failure {
                        try await database.pool.transaction { connection in
                            try await connection.query("INSERT INTO t VALUES (1)")
                            written.send()
                            try await connection.query("SELECT pg_sleep(30)")
                        }
                    }
                }
                try await written.wait()
                group.cancelAll()
                return try await group.next() ?? nil
            }
            #expect(error == .cancelled)
            #expect(try await Self.count(database) == 0)
        }
    }
}
