import Templates
import Testing

@Suite struct DisplayTextTests {
    @Test(arguments: [
        ("Bakery", "Bakery"),
        ("a\r\nBcc: b\tc", "a Bcc: b c"),
        ("\u{202E}abc\u{2066}\u{200B}\u{FEFF}\0", "abc"),
        ("go to https://evil.example/x", "go to https[:]//evil[.]example/x"),
        ("www.evil.example", "www[.]evil[.]example"),
        ("v1.2, done. Next", "v1.2, done. Next"),
        ("Пекарня №1", "Пекарня №1"),
        ("z\u{301}\u{302}\u{303}\u{304}\u{305}", "z\u{301}\u{302}\u{303}"),
        ("", ""),
    ])
    func `others' texts are made harmless`(_ text: String, _ expected: String) {
        #expect(DisplayText.short(text) == expected)
    }

    @Test func `a long text is cut to 80 characters`() {
        let short = DisplayText.short(String(repeating: "ж", count: 500))
        #expect(short.count == 80)
        #expect(short.hasSuffix("…"))
    }
}
