import API
import Testing

@Suite("Channel files")
struct ChannelFileTests {
    private func read(_ text: String) throws -> [(place: String, fields: ChannelFields)] {
        try ChannelFile.read(Array(text.utf8))
    }

    private func sentence(_ text: String) -> String? {
        do {
            _ = try read(text)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func `quoted values hold commas, quotes and lines, and lines are counted`() throws {
        let rows = try read(
            "id,display_name,provider\r\na,\"Bakery, \"\"North\"\"\r\nand sons\",youtube\r\n\r\nb,,amocrm")
        #expect(rows.map(\.place) == ["line 2", "line 5"])
        #expect(rows[0].fields.values["display_name"] == "Bakery, \"North\"\r\nand sons")
        #expect(rows[1].fields.values == ["id": "b", "provider": "amocrm"])
    }

    @Test func `a byte order mark and a missing last line end are no matter`() throws {
        #expect(
            try read("\u{FEFF}id,provider\na,youtube").map(\.fields.values) == [["id": "a", "provider": "youtube"]])
        #expect(try read("\u{FEFF}[{\"id\":\"a\"}]").count == 1)
        #expect(try read("id,provider\n").isEmpty)
        #expect(try read(" [ ] ").isEmpty)
    }

    @Test func `JSON takes both spellings of a name, numbers and lists`() throws {
        let rows = try read(
            #"[{"tenantId":"t","access_token":"x","accessExpiresAt":1795240800,"scopes":["a","b"],"params":{"s":"x"},"userId":null}]"#
        )
        #expect(
            rows[0].fields.values == [
                "tenant_id": "t", "access_token": "x", "access_expires_at": "1795240800", "scopes": "a b",
                "params": #"{"s":"x"}"#,
            ])
        #expect(rows[0].place == "item 1")
    }

    @Test(arguments: [
        ("", "the file is empty"), ("\n \n", "the file is empty"), ("[{]", "the file is not a JSON array"),
        ("[1]", "item 1: a channel is a JSON object"),
        (#"[{"id":"a"},{"colour":"x"}]"#, "item 2: `colour` is not a field"),
        (#"[{"scopes":[1]}]"#, "item 1: `scopes` must be text or a list of texts"),
        (#"[{"id":true}]"#, "item 1: `id` must be text"), ("id,colour\na,b", "line 1: unknown column `colour`"),
        ("id,id\na,b", "line 1: a column stands twice"), ("id,provider\na", "line 2: 1 values where the header has 2"),
        ("id,provider\na,b,c", "line 2: 3 values"), ("id\n\"a\"b", "line 2: text after a closing quote"),
        ("id\nx\n\"a\n\nb", "line 3: a quote is not closed"),
        ("id, provider\na,b", "line 1: unknown column ` provider`"),
    ])
    func `a wrong file is refused with its place`(_ text: String, _ begin: String) {
        #expect(sentence(text)?.hasPrefix(begin) == true, "\(sentence(text) ?? "taken")")
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        #expect(throws: IntakeError("the file is not UTF-8")) { try ChannelFile.read([0x69, 0x64, 0x0A, 0xFF]) }
    }

    @Test func `no value of a wrong file is told`() {
        for text in ["id,access_token\na,canary,c", "access_token\n\"canary", #"[{"accessToken":["canary",1]}]"#] {
            #expect(sentence(text)?.contains("canary") == false, "\(sentence(text) ?? "taken")")
        }
    }

    @Test func `no bytes make the reader fall`() {
        var state: UInt64 = 42
        func random(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        let alphabet = Array("id,provider\n\r\"\\[]{}:a \u{FEFF}é".utf8) + [0xFF, 0x00]
        for _ in 0..<3_000 {
            let bytes = (0..<random(60)).map { _ in alphabet[Int(random(UInt64(alphabet.count)))] }
            _ = try? ChannelFile.read(Array("id,provider\n".utf8) + bytes)
            _ = try? ChannelFile.read(bytes)
        }
    }
}
