import FoundationEssentials
import Postgres
import TestSupport
import Testing

/// Sends one value and reads it back through the given cast.
private func echo<Value: Sendable>(
    _ value: PostgresValue, as type: String, _ read: @Sendable (PostgresRow) throws -> Value
) async throws -> Value {
    try await TestDatabase.withSchema(size: 1) { database in
        try await database.pool.withConnection { connection in
            let result = try await connection.query("SELECT $1::\(type) AS v", [value])
            return try read(try #require(result.rows.first))
        }
    }
}

@Suite struct `Values` {
    @Test(arguments: ["", "a", "naïve – 日本語 👩‍👩‍👧", "quote ' \" \\ \n \t", String(repeating: "x", count: 100_000)])
    func `text comes back`(text: String) async throws {
        #expect(try await echo(.text(text), as: "text") { try $0.text("v") } == text)
    }

    @Test(arguments: [Int64.min, -1, 0, 1, 0x0102_0304_0506_0708, .max])
    func `int8 comes back`(value: Int64) async throws {
        #expect(try await echo(.int8(value), as: "int8") { try $0.int8("v") } == value)
    }

    @Test(arguments: [Int32.min, -1, 0, 0x0102_0304, .max])
    func `int4 comes back`(value: Int32) async throws {
        #expect(try await echo(.int4(value), as: "int4") { try $0.int4("v") } == value)
        #expect(try await echo(.int4(value), as: "int4") { try $0.int8("v") } == Int64(value))
    }

    @Test(arguments: [Int16.min, -1, 0, 0x0102, .max])
    func `int2 comes back`(value: Int16) async throws {
        #expect(try await echo(.int2(value), as: "int2") { try $0.int2("v") } == value)
    }

    @Test(arguments: [-.infinity, -0.1, 0, 1.5e300, .leastNonzeroMagnitude, .infinity])
    func `float8 comes back`(value: Double) async throws {
        #expect(try await echo(.float8(value), as: "float8") { try $0.float8("v") } == value)
    }

    @Test(arguments: [true, false])
    func `bool comes back`(value: Bool) async throws {
        #expect(try await echo(.bool(value), as: "bool") { try $0.bool("v") } == value)
    }

    @Test(arguments: [[], [0], Array(0...255), [UInt8](repeating: 0, count: 70_000)] as [[UInt8]])
    func `bytea comes back`(bytes: [UInt8]) async throws {
        #expect(try await echo(.bytea(bytes), as: "bytea") { try $0.bytea("v") } == bytes)
    }

    @Test(
        arguments: [
            ("2000-01-01 00:00:00+00", Date(timeIntervalSince1970: 946_684_800)),
            ("1970-01-01 00:00:00.000001+00", Date(timeIntervalSince1970: 0.000001)),
            ("2026-02-03 04:05:06.789012+00", Date(timeIntervalSince1970: 1_770_091_506.789012)),
            ("1899-12-31 23:59:59+00", Date(timeIntervalSince1970: -2_208_988_801)),
            ("infinity", .distantFuture), ("-infinity", .distantPast),
        ])
    func `timestamptz means the same to both sides`(text: String, date: Date) async throws {
        let shown = try await echo(.timestamptz(date), as: "timestamptz::text") { try $0.text("v") }
        let expected = try await echo(.text(text), as: "timestamptz::text") { try $0.text("v") }
        #expect(shown == expected)
        let read = try await echo(.text(text), as: "timestamptz") { try $0.date("v") }
        #expect(abs(read.timeIntervalSince(date)) < 0.000_000_5 || read == date)
    }

    @Test func `a timestamptz read and written again stays the same to the microsecond`() async throws {
        let text = try await echo(.text("2031-07-08 09:10:11.123457+00"), as: "timestamptz") { try $0.date("v") }
        let shown = try await echo(.timestamptz(text), as: "timestamptz::text") { try $0.text("v") }
        #expect(shown == "2031-07-08 09:10:11.123457+00")
    }

    @Test func `json goes as jsonb and comes back from json and jsonb`() async throws {
        let json = #"{"a": [1, null, "é"]}"#
        #expect(try await echo(.json(json), as: "jsonb") { try $0.json("v") } == json)
        #expect(try await echo(.json(json), as: "json") { try $0.json("v") } == json)
    }

    @Test func `uuid comes back`() async throws {
        let id = UUID()
        #expect(try await echo(.uuid(id), as: "uuid") { try $0.uuid("v") } == id)
        #expect(try await echo(.uuid(id), as: "uuid::text") { try $0.text("v") } == id.uuidString.lowercased())
    }

    @Test(arguments: [Duration.zero, .microseconds(-1), .milliseconds(1500), .seconds(86400 * 400)])
    func `interval comes back`(value: Duration) async throws {
        #expect(try await echo(.interval(value), as: "interval") { try $0.interval("v") } == value)
    }

    @Test func `an interval with days has 24 hours each, one with months is refused`() async throws {
        #expect(
            try await echo(.text("2 days 1 second"), as: "interval") { try $0.interval("v") } == .seconds(2 * 86400 + 1)
        )
        await #expect(throws: PostgresError.self) {
            try await echo(.text("1 month"), as: "interval") { try $0.interval("v") }
        }
    }

    @Test func `enums and domains are text`() async throws {
        try await TestDatabase.withSchema { database in
            try await database.pool.withConnection { connection in
                try await connection.execute(
                    "CREATE TYPE mood AS ENUM ('fine', 'bad'); CREATE DOMAIN word AS varchar(9)")
                let row = try #require(
                    try await connection.query(
                        "SELECT $1::mood AS m, $2::word AS w, 'n'::name AS n", [.text("bad"), .text("wörd")]
                    ).rows.first)
                #expect(try row.text("m") == "bad")
                #expect(try row.text("w") == "wörd")
                #expect(try row.text("n") == "n")
            }
        }
    }

    @Test func `arrays come back, empty and with NULLs`() async throws {
        let texts: [String?] = ["a", nil, "", "{\"x\",}", "é"]
        let dates: [Date?] = [Date(timeIntervalSince1970: 1), nil]
        #expect(try await echo(.textArray(texts), as: "text[]") { try $0.textArray("v") } == texts)
        #expect(try await echo(.textArray([]), as: "text[]") { try $0.textArray("v") } == [])
        #expect(
            try await echo(.boolArray([true, nil, false]), as: "bool[]") { try $0.boolArray("v") } == [
                true, nil, false,
            ])
        #expect(try await echo(.int2Array([1, nil, -2]), as: "int2[]") { try $0.int2Array("v") } == [1, nil, -2])
        #expect(try await echo(.int4Array([1, nil, -2]), as: "int4[]") { try $0.int4Array("v") } == [1, nil, -2])
        #expect(try await echo(.int8Array([.max, nil]), as: "int8[]") { try $0.int8Array("v") } == [.max, nil])
        #expect(try await echo(.int8Array([]), as: "int8[]") { try $0.int8Array("v") } == [])
        #expect(
            try await echo(.byteaArray([[1, 2], nil, []]), as: "bytea[]") { try $0.byteaArray("v") } == [
                [1, 2], nil, [],
            ])
        #expect(try await echo(.timestamptzArray(dates), as: "timestamptz[]") { try $0.dateArray("v") } == dates)
    }

    @Test func `PostgreSQL reads arrays as they were meant`() async throws {
        let shown = try await echo(.textArray(["a", nil, "b,c"]), as: "text[]::text") { try $0.text("v") }
        #expect(shown == #"{a,NULL,"b,c"}"#)
        let uuid = UUID()
        let uuids = try await echo(.uuidArray([uuid, nil]), as: "uuid[]::text") { try $0.text("v") }
        #expect(uuids == "{\(uuid.uuidString.lowercased()),NULL}")
        let length = try await echo(.int8Array(Array(repeating: 7, count: 500)), as: "int8[]::text") {
            try $0.text("v").split(separator: ",").count
        }
        #expect(length == 500)
    }

    @Test func `NULL is nil for each type`() async throws {
        try await TestDatabase.withSchema { database in
            try await database.pool.withConnection { connection in
                let row = try #require(
                    try await connection.query(
                        """
                        SELECT $1::text AS t, NULL::bool AS b, NULL::int2 AS i2, NULL::int4 AS i4, NULL::int8 AS i8,
                               NULL::float8 AS f, NULL::bytea AS y, NULL::timestamptz AS d, NULL::uuid AS u,
                               NULL::interval AS n, NULL::text[] AS a, NULL::jsonb AS j
                        """, [.null]
                    ).rows.first)
                #expect(try row.textOrNil("t") == nil)
                #expect(try row.boolOrNil("b") == nil)
                #expect(try row.int2OrNil("i2") == nil)
                #expect(try row.int4OrNil("i4") == nil)
                #expect(try row.int8OrNil("i8") == nil)
                #expect(try row.float8OrNil("f") == nil)
                #expect(try row.byteaOrNil("y") == nil)
                #expect(try row.dateOrNil("d") == nil)
                #expect(try row.uuidOrNil("u") == nil)
                #expect(try row.intervalOrNil("n") == nil)
                #expect(try row.textArrayOrNil("a") == nil)
                #expect(try row.jsonOrNil("j") == nil)
                #expect(try row.isNull("t"))
                #expect(throws: PostgresError.decoding("column t is NULL.")) { try row.text("t") }
            }
        }
    }

    @Test func `a wrong type, a missing column and a narrow integer are decoding errors`() async throws {
        try await TestDatabase.withSchema { database in
            let row = try await database.pool.withConnection { connection in
                try #require(
                    try await connection.query("SELECT 'x'::text AS t, 70000::int4 AS n, 1.5::numeric AS d").rows.first)
            }
            #expect(throws: PostgresError.self) { try row.int8("t") }
            #expect(throws: PostgresError.self) { try row.text("n") }
            #expect(throws: PostgresError.self) { try row.int2("n") }
            #expect(throws: PostgresError.self) { try row.float8("d") }
            #expect(throws: PostgresError.self) { try row.textArray("t") }
            #expect(throws: PostgresError.decoding("there is no column nope.")) { try row.text("nope") }
            #expect(throws: PostgresError.decoding("there is no column 3.")) { try row.text(3) }
            #expect(throws: PostgresError.decoding("there is no column -1.")) { try row.text(-1) }
            // The row outlives its connection's next statements.
            #expect(try row.text(0) == "x")
        }
    }

    // Seconds, as the description of such dates crashes.
    @Test(arguments: [Double.nan, .infinity, 1e13, -1e12])
    func `a date PostgreSQL cannot hold is refused before it is sent`(seconds: Double) async throws {
        let date = Date(timeIntervalSinceReferenceDate: seconds)
        await #expect(throws: PostgresError.encoding("parameter 1 is a date outside PostgreSQL's range.")) {
            try await echo(.timestamptz(date), as: "text") { _ in true }
        }
        await #expect(throws: PostgresError.self) {
            try await echo(.timestamptzArray([nil, date]), as: "text") { _ in true }
        }
    }
}
