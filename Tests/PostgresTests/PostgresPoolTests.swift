import Postgres
import TestSupport
import Testing

@Suite struct `Pool` {
    @Test func `never more connections than its size, however many ask`() async throws {
        try await TestDatabase.withSchema(size: 3) { database in
            let processes = try await withThrowingTaskGroup(of: Int32?.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        try await database.pool.withConnection { connection in
                            try await connection.query("SELECT pg_sleep(0)")
                            return await connection.processID
                        }
                    }
                }
                return try await group.reduce(into: Set<Int32?>()) { $0.insert($1) }
            }
            #expect((1...3).contains(processes.count))
            let standing = database.pool.standing()
            #expect(standing.inUse == 0)
            #expect(standing.waiting == 0)
            #expect(standing.idle == processes.count)
        }
    }

    @Test func `who waits too long is told`() async throws {
        try await TestDatabase.withSchema(size: 1, configure: { $0.acquireTimeout = .milliseconds(100) }) { database in
            try await database.pool.withConnection { _ in
                await #expect(throws: PostgresError.exhausted("all 1 stayed in use for 0.1 seconds.")) {
                    try await database.pool.withConnection { _ in }
                }
            }
            try await database.pool.withConnection { try await $0.query("SELECT 1") }
        }
    }

    @Test func `too many waiters are refused at once`() async throws {
        try await TestDatabase.withSchema(size: 1, configure: { $0.waitersMax = 0 }) { database in
            await #expect(throws: PostgresError.self) { try await database.pool.withConnection { _ in } }
        }
    }

    @Test func `a waiter that is cancelled leaves the queue`() async throws {
        try await TestDatabase.withSchema(size: 1) { database in
            try await database.pool.withConnection { _ in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        await #expect(throws: PostgresError.cancelled) {
                            try await database.pool.withConnection { _ in }
                        }
                    }
                    while database.pool.standing().waiting == 0 { await Task.yield() }
                    group.cancelAll()
                }
                #expect(database.pool.standing().waiting == 0)
            }
        }
    }

    @Test func `connections ended by the server are replaced unseen`() async throws {
        try await TestDatabase.withSchema(size: 2) { database in
            let administrator = try await database.connect()
            for _ in 0..<5 {
                let process = try await database.pool.withConnection { await $0.processID }
                try await administrator.query("SELECT pg_terminate_backend($1, 5000)", [.int4(try #require(process))])
                let other = try await database.pool.withConnection { connection in
                    try await connection.query("SELECT 1")
                    return await connection.processID
                }
                #expect(other != process)
            }
        }
    }

    @Test func `a connection that breaks in use is not used again`() async throws {
        try await TestDatabase.withSchema(size: 1) { database in
            await #expect(throws: PostgresError.self) {
                try await database.pool.withConnection { connection in
                    try await connection.query("SELECT pg_terminate_backend(pg_backend_pid())")
                }
            }
            try await database.pool.withConnection { try await $0.query("SELECT 1") }
        }
    }

    @Test func `a connection left in a transaction is not used again`() async throws {
        try await TestDatabase.withSchema(size: 1) { database in
            let process = try await database.pool.withConnection { connection in
                try await connection.execute("BEGIN")
                return await connection.processID
            }
            #expect(try await database.pool.withConnection { await $0.processID } != process)
        }
    }

    @Test func `an unreachable database is told promptly, to all who wait`() async throws {
        let configuration = PostgresConfiguration(uri: "postgresql:///x?host=/nonexistent/tokenward")
        let start = ContinuousClock.now
        try await PostgresPool.with(configuration) { pool in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let error = await #expect(throws: PostgresError.self) { try await pool.withConnection { _ in } }
                        guard case .connect = error else {
                            Issue.record("\(String(describing: error))")
                            return
                        }
                    }
                }
            }
        }
        #expect(start.duration(to: .now) < .seconds(5))
    }

    @Test func `idle connections are closed`() async throws {
        try await TestDatabase.withSchema(size: 2, configure: { $0.idleTimeout = .milliseconds(50) }) { database in
            try await database.pool.withConnection { try await $0.query("SELECT 1") }
            while database.pool.standing().idle > 0 { await Task.yield() }
            try await database.pool.withConnection { try await $0.query("SELECT 1") }
        }
    }

    @Test func `closing lets work in progress finish and refuses more`() async throws {
        try await TestDatabase.withSchema { database in
            let pool = PostgresPool(configuration: database.configuration)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await pool.run() }
                try await pool.withConnection { connection in
                    pool.close()
                    await #expect(throws: PostgresError.poolClosed) { try await pool.withConnection { _ in } }
                    let one = try await connection.query("SELECT 1::int4").rows[0].int4(0)
                    #expect(one == 1)
                }
                try await group.waitForAll()
            }
            #expect(pool.standing() == PoolStanding(inUse: 0, idle: 0, connecting: 0, waiting: 0))
        }
    }

    @Test func `cancelling run closes the pool and waits for work in progress`() async throws {
        try await TestDatabase.withSchema { database in
            let pool = PostgresPool(configuration: database.configuration)
            let ended = TestSignal()
            let running = Task {
                await pool.run()
                ended.send()
            }
            try await pool.withConnection { connection in
                running.cancel()
                let one = try await connection.query("SELECT 1::int4").rows[0].int4(0)
                #expect(one == 1)
            }
            try await ended.wait()
        }
    }
}
