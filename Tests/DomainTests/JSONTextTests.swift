import Domain
import FoundationEssentials
import Testing

@Suite struct JSONTextTests {
    private struct Parsed: Decodable, Equatable {
        var text: String?
        var number: Int
        var list: [[String: String]]
    }

    @Test(arguments: [
        "", "plain", "\"quoted\" \\ back", "line\nreturn\rtab\t", "\u{0}\u{1}\u{1F}\u{7F}", "é ü ß 漢字 👩‍👩‍👧",
        "\u{2028}\u{FEFF}", "</script>",
    ])
    func `what is written is read again as it was`(_ text: String) throws {
        var object = JSONText()
        object.add("text", text)
        object.add("number", -7)
        object.add("list", json: JSONText.array([JSONText.object([(text, text)]), JSONText.object([])]))
        let parsed = try JSONDecoder().decode(Parsed.self, from: Data(object.bytes))
        #expect(parsed == Parsed(text: text, number: -7, list: [[text: text], [:]]))
    }

    @Test func `nothing is null, and members keep their order`() {
        var object = JSONText()
        object.add("b", nil)
        object.add("a", 1)
        #expect(String(decoding: object.bytes, as: UTF8.self) == #"{"b":null,"a":1}"#)
        #expect(String(decoding: JSONText.array([]), as: UTF8.self) == "[]")
    }
}
