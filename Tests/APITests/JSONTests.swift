import API
import FoundationEssentials
import Testing

@Suite("JSON")
struct JSONTests {
    @Test func `unknowns are written as null and members in order of their names`() {
        let value: JSON = ["b": nil, "a": 1, "c": [true, "x/y", JSON(nil as String?), JSON(2 as Int?)]]
        #expect(String(decoding: value.bytes, as: UTF8.self) == #"{"a":1,"b":null,"c":[true,"x/y",null,2]}"#)
    }

    @Test func `dates are RFC 3339 in UTC`() {
        #expect(JSON(Date(timeIntervalSince1970: 1_795_240_800.9)) == "2026-11-21T06:00:00Z")
        #expect(JSON(nil as Date?) == .null)
    }

    @Test(arguments: [
        ("1", JSON.int(1)), ("-9223372036854775808", .int(.min)), ("1.5", .double(1.5)), ("true", .bool(true)),
        ("null", .null), ("\"\\u0041\\n\"", .string("A\n")), ("[]", .array([])), ("{}", .object([:])),
        ("{\"a\":{\"b\":[1,null]}}", .object(["a": .object(["b": .array([.int(1), .null])])])),
    ])
    func `text becomes a value`(_ text: String, _ value: JSON) throws {
        #expect(try JSON(parsing: Array(text.utf8)) == value)
    }

    @Test(arguments: [
        "", " ", "{", "{\"a\":}", "nul", "'a'", "{\"a\":1}x", "\"\u{01}\"", "[1 2]", "{1:2}", "NaN", "\"\\x\"",
        String(repeating: "[", count: 200_000), String(repeating: "{\"a\":", count: 100_000),
    ])
    func `text that is no JSON is refused`(_ text: String) {
        #expect(throws: (any Error).self) { try JSON(parsing: Array(text.utf8)) }
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        #expect(throws: (any Error).self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test func `looking into the wrong kind finds nothing`() {
        #expect(JSON.array([]).text == nil && JSON.string("x")["a"] == nil && JSON.object([:])["a"] == nil)
        #expect(JSON.null.isNull && !JSON.bool(false).isNull)
    }
}
