import Postgres
import TestSupport
import Testing

/// Returns when a session with this process id waits for an advisory lock.
private func waitForLock(of process: Int32, seenBy watcher: PostgresConnection) async throws {
    while try await watcher.query(
        "SELECT FROM pg_locks WHERE pid = $1 AND NOT granted", [.int4(process)]
    ).rows.isEmpty {}
}

private func failure<Value>(_ body: () async throws -> Value) async -> PostgresError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? PostgresError
    }
}

@Suite struct `Ending statements` {
    @Test func `a cancelled task ends its statement on the server, and the session goes on`() async throws {
        try await TestDatabase.withSchema { database in
            let (holder, connection) = (try await database.connect(), try await database.connect())
            let process = try #require(await connection.processID)
            try await holder.query("SELECT pg_advisory_lock(hashtext($1))", [.text(database.schema)])
            let start = ContinuousClock.now
            let error = try await withThrowingTaskGroup(of: PostgresError?.self) { group in
                group.addTask {
                    await failure {
                        try await connection.query("SELECT pg_advisory_lock(hashtext($1))", [.text(database.schema)])
                    }
                }
                try await waitForLock(of: process, seenBy: holder)
                group.cancelAll()
                return try await group.next() ?? nil
            }
            #expect(error == .cancelled)
            #expect(start.duration(to: .now) < .seconds(5))
            #expect(try await connection.query("SELECT 1::int4").rows[0].int4(0) == 1)
            #expect(await connection.processID == process)
        }
    }

    @Test func `a cancelled task sends nothing`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            try await connection.execute("CREATE SEQUENCE s")
            let error = await withTaskGroup(of: PostgresError?.self) { group in
                group.cancelAll()
                group.addTask { await failure { try await connection.query("SELECT nextval('s')") } }
                return await group.next() ?? nil
            }
            #expect(error == .cancelled)
            #expect(try await connection.query("SELECT nextval('s') AS n").rows[0].int8("n") == 1)
        }
    }

    @Test func `a cancellation never reaches the next statement`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            var cancelled = 0
            for round in 0..<150 {
                let error = await withTaskGroup(of: PostgresError?.self) { group in
                    group.addTask {
                        await failure { try await connection.query("SELECT pg_sleep($1)", [.float8(0.0002)]) }
                    }
                    // Spread over before, in and after the statement.
                    for _ in 0..<(round % 15) { _ = try? await connection.query("SELECT 1", within: .seconds(9)) }
                    group.cancelAll()
                    return await group.next() ?? nil
                }
                #expect(error == nil || error == .cancelled, "\(String(describing: error))")
                if error != nil { cancelled += 1 }
                #expect(try await connection.query("SELECT \(round % 3)::int4").rows[0].int4(0) == Int32(round % 3))
            }
            #expect(cancelled > 0)
        }
    }

    @Test func `a statement past its limit is cancelled and the session goes on`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            let process = await connection.processID
            let start = ContinuousClock.now
            let error = await failure { try await connection.query("SELECT pg_sleep(30)", within: .milliseconds(100)) }
            #expect(error == .timedOut)
            #expect(start.duration(to: .now) < .seconds(5))
            #expect(try await connection.query("SELECT 1::int4").rows[0].int4(0) == 1)
            #expect(await connection.processID == process)
        }
    }

    @Test func `the limit of the configuration holds, and a script may have a longer one`() async throws {
        try await TestDatabase.withSchema(configure: { $0.statementTimeout = .milliseconds(100) }) { database in
            let connection = try await database.connect()
            #expect(await failure { try await connection.query("SELECT pg_sleep(30)") } == .timedOut)
            try await connection.execute("SELECT pg_sleep(0.2); SELECT 1", within: .seconds(20))
            let shown = try await connection.query("SELECT current_setting('statement_timeout') AS t").rows[0].text("t")
            #expect(shown == "5100ms")
        }
    }

    @Test func `a session whose server ended it is lost, not refused`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            let error = await failure { try await connection.query("SELECT pg_terminate_backend(pg_backend_pid())") }
            guard case .connectionLost(let reason) = error else {
                Issue.record("not lost: \(String(describing: error))")
                return
            }
            #expect(reason.contains("57P01"))
            #expect(
                await failure { try await connection.query("SELECT 1") } == .connectionLost("the session is closed."))
        }
    }

    @Test func `a session ended while it was idle shows at the next statement`() async throws {
        try await TestDatabase.withSchema { database in
            let (holder, connection) = (try await database.connect(), try await database.connect())
            let process = try #require(await connection.processID)
            try await holder.query("SELECT pg_terminate_backend($1, 5000)", [.int4(process)])
            guard case .connectionLost = await failure({ try await connection.query("SELECT 1") }) else {
                Issue.record("not lost")
                return
            }
        }
    }

    @Test func `a server that answers nothing any more costs the limit and the grace, then the session`() async throws {
        let server = try SilentServer()
        defer { server.close() }
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(
                uri: server.uri, statementTimeout: .milliseconds(100), cancelGrace: .milliseconds(100)))
        let start = ContinuousClock.now
        #expect(await failure { try await connection.query("SELECT 1") } == .timedOut)
        #expect(start.duration(to: .now) < .seconds(5))
        #expect(await failure { try await connection.query("SELECT 1") } == .connectionLost("the session is closed."))
    }
}
