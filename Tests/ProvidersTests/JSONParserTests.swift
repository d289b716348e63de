import Testing

@testable import Providers

@Suite("JSON of providers")
struct JSONParserTests {
    private func parse(_ text: String) -> JSONValue? { JSONParser.parse(Array(text.utf8)) }

    @Test func `values keep their spelling`() {
        #expect(
            parse(#" {"a": [1, -2.50e+3, true, false, null, "x"], "b": {}} "#)
                == .object([
                    .init(
                        name: "a",
                        value: .array([
                            .number("1"), .number("-2.50e+3"), .bool(true), .bool(false), .null, .string("x"),
                        ])),
                    .init(name: "b", value: .object([])),
                ]))
        #expect(parse("\u{FEFF}{}") == .object([]))
    }

    @Test(arguments: [
        "", " ", "{", "}", "{]", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "01", "1.", ".5", "-", "+1", "1e", "tru",
        "nul",
        "NaN", "\"a", "\"\\x\"", "\"\\u12\"", "{} {}", "{}x", "'a'", "[1 2]", String(repeating: "9", count: 41),
        String(repeating: "[", count: 100_000),
        String(repeating: "{\"a\":", count: 65) + "1" + String(repeating: "}", count: 65),
        "[" + String(repeating: "1,", count: 20_000) + "1]",
    ])
    func `what is not one bounded JSON value is refused`(text: String) {
        #expect(parse(text) == nil)
    }

    @Test(arguments: [
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u00e9\u20AC""#, "é€"), (#""\ud83d\ude00""#, "😀"),
        (#""\ud83d""#, "\u{FFFD}"), (#""\ude00x""#, "\u{FFFD}x"), (#""\ud83d\u0041""#, "\u{FFFD}A"),
        (#""a\u0000b""#, "a\u{FFFD}b"), ("\"a\u{0}b\"", "a\u{FFFD}b"), ("\"a\nb\"", "a\nb"),
    ])
    func `text is forgiven`(text: String, expected: String) {
        #expect(parse(text) == .string(expected))
    }

    @Test func `invalid UTF-8 is repaired`() {
        #expect(JSONParser.parse([0x22, 0x61, 0xFF, 0x62, 0x22]) == .string("a\u{FFFD}b"))
        #expect(JSONParser.parse([0x22, 0x5C, 0x6E, 0xC3, 0x22]) == .string("\n\u{FFFD}"))
    }

    @Test func `paths reach through objects, lists and wildcards`() throws {
        let root = try #require(parse(#"{"a":{"b":[{"c":1},{"c":2}]},"a.b":3,"x":null}"#))
        #expect(BodyPath("a.b.1.c")?.value(in: root) == .number("2"))
        #expect(BodyPath("a.b.*.c")?.values(in: root) == [.number("1"), .number("2")])
        #expect(BodyPath("a.b.9.c")?.value(in: root) == nil)
        #expect(BodyPath("a.b.-1")?.value(in: root) == nil)
        #expect(BodyPath("x.y")?.value(in: root) == nil)
        #expect(BodyPath("") == nil && BodyPath("a..b") == nil && BodyPath("a.b.c.d.e.f.g.h.i") == nil)
    }
}

@Suite("Patterns")
struct PatternTests {
    @Test(arguments: [
        ("abc", "xabcx", true), ("^abc$", "abcx", false), ("^a.c$", "abc", true), ("^a.c$", "a\nc", false),
        ("(?i)ABC", "xaBcx", true), ("(?i)Некорректный клиент|invalid client", "НЕКОРРЕКТНЫЙ КЛИЕНТ", true),
        ("^(10|2[0-9][0-9])$", "10", true), ("^(10|2[0-9][0-9])$", "299", true), ("^(10|2[0-9][0-9])$", "2990", false),
        ("^[a-z0-9][a-z0-9-]{0,62}$", "a-b", true), ("^[a-z0-9][a-z0-9-]{0,62}$", "-ab", false),
        ("IP allow ?list", "IP allowlist", true), ("a{2,3}b", "aab", true), ("^a{2,3}b", "aaaab", false),
        ("^a{2}$", "aa", true),
        ("^a{2,}$", "aaaaa", true), ("^a{2,}$", "a", false), ("[^0-9]", "123", false), ("[^0-9]", "12a", true),
        ("\\d+\\.\\d", "v1.2", true), ("\\bend\\b", "the end.", true), ("\\bend\\b", "ending", false),
        ("a|b|", "", true),
        ("", "anything", true), ("^$", "", true), ("(ab)*c", "ababc", true), ("(?:ab)+?c", "c", false),
        ("[\\w-]+@", "a-b@", true),
        ("(?i)[а-я]+", "Я", true), ("[]]", "]", false), ("a\\{b", "a{b", true), ("x*", "", true),
        ("^(a*)*$", "aaaa", true),
        ("^https://accounts\\.zoho(cloud)?\\.[a-z.]+$", "https://accounts.zoho.com.au", true),
    ])
    func `a pattern finds what it says`(pattern: String, text: String, expected: Bool) {
        #expect((try? Pattern(pattern).matches(text)) ?? false == expected)
    }

    @Test func `the whole text means no more and no less`() throws {
        let pattern = try Pattern("a|ab")
        #expect(pattern.matchesWhole("ab") && pattern.matchesWhole("a"))
        #expect(!pattern.matchesWhole("abc") && !pattern.matchesWhole("xa") && !pattern.matchesWhole("a\n"))
        #expect(try !Pattern("a*").matchesWhole(String(repeating: "a", count: 3000)))
    }

    @Test(arguments: [
        "(", ")", "a)", "[a", "[]", "[z-a]", "a**", "*a", "a{101}", "a{2,1}", "a{x}", "a{", "(?=a)", "(?<n>a)", "\\1",
        "\\p{L}", "\\",
        "((((((((((((((((((((((a))))))))))))))))))))))", "((a{100}){100}){100}", String(repeating: "a", count: 501),
        "[\\D]",
    ])
    func `what the engine lacks is refused`(pattern: String) {
        #expect(throws: Pattern.Fault.self) { try Pattern(pattern) }
    }

    @Test(arguments: ["^(a+)+$", "(a|a)*b", "(a*)*b", "(.*)*x", "((((()){100}){100}){100}){100}"])
    func `a catastrophic pattern takes no time`(pattern: String) throws {
        let text = String(repeating: "a", count: 100_000) + "!"
        #expect(try ContinuousClock().measure { _ = try Pattern(pattern).matches(text) } < .seconds(5))
    }
}
