import Testing

@testable import MicroHTTP

@Suite struct RequestTargetTests {
    @Test(arguments: [
        ("/", "/"), ("/a/b", "/a/b"), ("/caf%C3%A9%20x", "/café x"), ("/a+b", "/a+b"), ("/a%2Fb", "/a/b"),
        ("*", "*"), ("http://example.com", "/"), ("HTTP://example.com/x", "/x"), ("https://example.com?q=1", "/"),
    ])
    func `a path is decoded`(target: String, path: String) throws {
        #expect(try #require(RequestTarget(parsing: target)).path == path)
    }

    @Test(arguments: [
        "", "a", "example.com:443", "/%", "/%4", "/%zz", "/%ff", "/%00", "/?a=%", "/?%C3=1", "/a b", "/a#b", "/a\tb",
        "//%c0%af",
    ])
    func `what cannot be decoded is refused`(target: String) {
        #expect(RequestTarget(parsing: target) == nil)
    }

    @Test(arguments: [
        ("", []), ("a=1&a=2", ["a=1", "a=2"]), ("a", ["a="]), ("a=b=c", ["a=b=c"]), ("&&a=&=b", ["a=", "=b"]),
        ("a+b=c+d%2B", ["a b=c d+"]), ("n=%D0%BF", ["n=п"]), ("a?b=c?d", ["a?b=c?d"]),
    ])
    func `query names and values are decoded in order`(query: String, items: [String]) throws {
        let target = try #require(RequestTarget(parsing: "/p?\(query)"))
        #expect(target.queryItems.map { "\($0.name)=\($0.value)" } == items)
        #expect(target.path == "/p")
    }

    @Test func `the raw path keeps its escapes`() throws {
        #expect(try #require(RequestTarget(parsing: "/a%2Fb?c")).rawPath == "/a%2Fb")
    }
}
