import Postgres
import TestSupport
import Testing

@Suite struct `Connection` {
    @Test func `results carry rows, counts and tags`() async throws {
        try await TestDatabase.withSchema { database in
            try await database.pool.withConnection { connection in
                try await connection.execute("CREATE TABLE t (id int8, name text); INSERT INTO t VALUES (0, 'zero')")
                let inserted = try await connection.query(
                    "INSERT INTO t SELECT * FROM unnest($1, $2)",
                    [.int8Array([1, 2, 3]), .textArray(["a", nil, "c"])])
                #expect(inserted.affected == 3)
                #expect(inserted.commandTag == "INSERT 0 3")
                #expect(inserted.rows.isEmpty)
                let selected = try await connection.query(
                    "SELECT id, name, id AS name FROM t WHERE id > $1 ORDER BY id", [.int8(0)])
                #expect(try selected.rows.map { try $0.int8("id") } == [1, 2, 3])
                // Of two columns with one name the first counts; the other is reached by index.
                #expect(try selected.rows.map { try $0.textOrNil("name") } == ["a", nil, "c"])
                #expect(try selected.rows.map { try $0.int8(2) } == [1, 2, 3])
                #expect(try await connection.query("SELECT 1 WHERE false").rows.isEmpty)
            }
        }
    }

    @Test func `statements of many tasks never interleave`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            try await connection.execute("CREATE TABLE t (n int8)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for n in 0..<200 {
                    group.addTask {
                        let result = try await connection.query("SELECT $1::int8 AS n, pg_sleep(0)", [.int8(Int64(n))])
                        #expect(try result.rows[0].int8("n") == Int64(n))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `the search path is the schema, whatever its name`() async throws {
        try await TestDatabase.withSchema { database in
            let odd = #"\#(database.schema) "odd\name's"#
            let quoted = odd.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
            let administrator = try await database.connect()
            try await administrator.execute("CREATE SCHEMA \"\(quoted)\"")
            var configuration = database.configuration
            configuration.schema = odd
            configuration.applicationName = "odd one"
            let connection = try await PostgresConnection.connect(configuration)
            let row = try await connection.query(
                "SELECT current_schema()::text AS s, current_setting('application_name') AS a, current_setting('TimeZone') AS z"
            ).rows[0]
            #expect(try row.text("s") == odd)
            #expect(try row.text("a") == "odd one")
            #expect(try row.text("z") == "UTC")
            try await administrator.execute("DROP SCHEMA \"\(quoted)\" CASCADE")
        }
    }

    @Test func `more statements than the cache holds still run`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            for n in (0..<300) {
                #expect(try await connection.query("SELECT \(n)::int4 AS n").rows[0].int4("n") == Int32(n))
            }
            let known = try await connection.query("SELECT count(*) AS n FROM pg_prepared_statements").rows[0].int8("n")
            #expect(known == 256)
            #expect(try await connection.query("SELECT 0::int4 AS n").rows[0].int4("n") == 0)
        }
    }

    @Test func `one text serves parameters of several types, NULL first or last`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            let sql = "SELECT ($1::text) || '!' AS v"
            for (value, expected) in [
                (PostgresValue.null, nil), (.text("a"), "a!"), (.null, nil), (.int8(7), "7!"), (.text("b"), "b!"),
            ] {
                #expect(try await connection.query(sql, [value]).rows[0].textOrNil("v") == expected)
            }
            let known = try await connection.query(
                "SELECT count(*) AS n FROM pg_prepared_statements WHERE statement = $1", [.text(sql)])
            #expect(try known.rows[0].int8("n") == 2)
        }
    }

    @Test func `a prepared statement survives a change of its table`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            try await connection.execute("CREATE TABLE t (id int4); INSERT INTO t VALUES (1)")
            #expect(try await connection.query("SELECT * FROM t").rows[0].int4("id") == 1)
            try await connection.execute("ALTER TABLE t ADD name text DEFAULT 'x'")
            #expect(try await connection.query("SELECT * FROM t").rows[0].text("name") == "x")
            try await connection.execute("DEALLOCATE ALL")
            #expect(try await connection.query("SELECT * FROM t").rows[0].text("name") == "x")
        }
    }

    @Test func `without prepared statements nothing is left on the server`() async throws {
        try await TestDatabase.withSchema { database in
            var configuration = database.configuration
            configuration.prepared = false
            configuration.schema = nil
            let connection = try await PostgresConnection.connect(configuration)
            #expect(try await connection.query("SELECT $1::int8 AS n", [.int8(3)]).rows[0].int8("n") == 3)
            let known = try await connection.query("SELECT count(*) AS n FROM pg_prepared_statements").rows[0].int8("n")
            #expect(known == 0)
        }
    }

    @Test func `notices belong to their statement`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            try await connection.execute(
                """
                CREATE FUNCTION warn() RETURNS void LANGUAGE plpgsql AS $$
                BEGIN RAISE NOTICE 'small'; RAISE WARNING 'careful' USING ERRCODE = '01000'; END $$
                """)
            let result = try await connection.query("SELECT warn()")
            #expect(result.warning == "careful")
            #expect(result.notices.map(\.severity) == ["NOTICE", "WARNING"])
            #expect(result.notices.last?.state == SQLState(rawValue: "01000"))
            #expect(try await connection.query("SELECT 1").warning == nil)
            let many = try await connection.query("SELECT warn() FROM generate_series(1, 100)")
            #expect(many.notices.count == 32)
        }
    }

    @Test func `a batch of 500 rows with big values goes and comes`() async throws {
        try await TestDatabase.withSchema { database in
            let sealed = (0..<500).map { index in [UInt8](repeating: UInt8(index % 251), count: 8000) }
            let result = try await database.pool.withConnection { connection in
                try await connection.query(
                    "SELECT id, sealed FROM unnest($1, $2) AS v (id, sealed)",
                    [.textArray((0..<500).map { "channel-\($0)" }), .byteaArray(sealed)])
            }
            #expect(try result.rows.map { try $0.bytea("sealed") } == sealed)
        }
    }

    @Test func `COPY is refused and the session given up`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            await #expect(throws: PostgresError.self) { try await connection.execute("COPY (SELECT 1) TO STDOUT") }
            await #expect(throws: PostgresError.self) { try await connection.query("SELECT 1") }
        }
    }

    @Test func `a closed connection says so`() async throws {
        try await TestDatabase.withSchema { database in
            let connection = try await database.connect()
            await connection.close()
            await #expect(throws: PostgresError.connectionLost("the session is closed.")) {
                try await connection.query("SELECT 1")
            }
            #expect(await connection.processID == nil)
        }
    }
}

@Suite struct `Connecting` {
    @Test func `a closed port is refused at once with a sentence`() async throws {
        let socket = try ListeningSocket()
        let port = socket.port
        socket.close()
        let configuration = PostgresConfiguration(uri: "postgresql://u:sesame@127.0.0.1:\(port)/db")
        let error = await #expect(throws: PostgresError.self) { try await PostgresConnection.connect(configuration) }
        let text = try #require(error).description
        #expect(text.hasPrefix("Cannot connect to PostgreSQL: "))
        #expect(text.contains("refused"))
        #expect(!text.contains("sesame"))
        #expect(!text.contains("\n"))
    }

    @Test func `a server that never answers is given up after the connect timeout`() async throws {
        let socket = try ListeningSocket()
        defer { socket.close() }
        let configuration = PostgresConfiguration(
            uri: "postgresql://u:sesame@127.0.0.1:\(socket.port)/db", connectTimeout: .milliseconds(150))
        let start = ContinuousClock.now
        let error = await #expect(throws: PostgresError.self) { try await PostgresConnection.connect(configuration) }
        #expect(try #require(error).description.contains("no answer from 127.0.0.1:\(socket.port)"))
        #expect(start.duration(to: .now) < .seconds(5))
    }

    @Test func `cancelling ends an attempt at once`() async throws {
        let socket = try ListeningSocket()
        defer { socket.close() }
        let configuration = PostgresConfiguration(
            uri: "postgresql://u@127.0.0.1:\(socket.port)/db", connectTimeout: .seconds(60))
        let outcome = await withTaskGroup(of: PostgresError?.self) { group in
            group.addTask {
                do throws(PostgresError) {
                    _ = try await PostgresConnection.connect(configuration)
                    return nil
                } catch {
                    return error
                }
            }
            group.cancelAll()
            return await group.next()
        }
        #expect(outcome == .some(.cancelled))
    }

    @Test func `of several hosts the one that answers is taken`() async throws {
        let silent = try ListeningSocket()
        defer { silent.close() }
        try await TestDatabase.withSchema { database in
            let directory = try #require(database.configuration.uri.split(separator: "host=").last)
            var configuration = database.configuration
            configuration.uri = "host=127.0.0.1,\(directory) port=\(silent.port),5432 user=postgres dbname=postgres"
            configuration.connectTimeout = .milliseconds(150)
            let connection = try await PostgresConnection.connect(configuration)
            #expect(try await connection.query("SELECT 1::int4").rows[0].int4(0) == 1)
        }
    }

    @Test(
        arguments: [
            "", "postgresql://user:sesame@[::1/db", "postgresql://user:sesame%zz@host/db", "sesame",
            "postgresql://user:pa@host/db?password=sesame&nonsense=sesame", "host=x sesame=1",
        ])
    func `a wrong URI is told without showing it`(uri: String) async throws {
        let configuration = PostgresConfiguration(uri: uri)
        let error = #expect(throws: PostgresError.self) { try configuration.validate() }
        let text = try #require(error).description
        #expect(text.hasPrefix("The database settings are wrong: "))
        #expect(!text.contains("sesame"))
        await #expect(throws: try #require(error)) { try await PostgresConnection.connect(configuration) }
    }

    @Test func `a configuration prints neither URI nor password`() {
        let configuration = PostgresConfiguration(uri: "postgresql://u:sesame@host/db")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!"\(configuration) \(String(reflecting: configuration)) \(dumped)".contains("sesame"))
    }

    @Test func `a schema without prepared statements is refused`() {
        let configuration = PostgresConfiguration(uri: "postgresql://host/db", schema: "s", prepared: false)
        #expect(throws: PostgresError.self) { try configuration.validate() }
    }
}
