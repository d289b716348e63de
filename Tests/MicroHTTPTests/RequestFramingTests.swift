import Testing

@testable import MicroHTTP

@Suite struct RequestFramingTests {
    private func refusal(_ headers: [(String, String)], version: String = "HTTP/1.1", bytes: Int = 100) -> Refusal? {
        RequestFraming.refusal(
            headers: headers, version: version, headerBytes: bytes,
            limits: .init(bodyBytesMax: 10, headerBytesMax: 1000))
    }

    @Test func `sound framing passes`() {
        #expect(refusal([("Host", "x")]) == nil)
        #expect(refusal([("content-length", "10"), ("Content-Length", "10")]) == nil)
        #expect(refusal([("Transfer-Encoding", "Chunked")]) == nil)
        #expect(refusal([("X-Tab", "a\tb")]) == nil)
    }

    @Test func `ambiguous framing is refused`() {
        #expect(refusal([("Content-Length", "1"), ("Transfer-Encoding", "chunked")]) == .lengthAndTransferCoding)
        #expect(refusal([("Content-Length", "1"), ("Content-Length", "01")]) == .contradictingLengths)
        #expect(refusal([("Content-Length", "1, 1")]) == .contradictingLengths)
        #expect(refusal([("Content-Length", "+1")]) == .contradictingLengths)
        #expect(refusal([("Content-Length", "")]) == .contradictingLengths)
        #expect(refusal([("Transfer-Encoding", "xchunked")]) == .unsupportedTransferCoding)
        #expect(refusal([("Transfer-Encoding", "chunked")], version: "HTTP/1.0") == .unsupportedTransferCoding)
    }

    @Test(arguments: ["Transfer-Encodingchunked", "Content-Length5"])
    func `a framing header continued on a next line is refused`(name: String) {
        #expect(refusal([(name, ""), ("Content-Length", "3")]) == .malformedHeader)
    }

    @Test func `sizes are limited`() {
        #expect(refusal([("Content-Length", "11")]) == .bodyTooLarge(bytesMax: 10))
        #expect(refusal([("Content-Length", "92233720368547758080")]) == .bodyTooLarge(bytesMax: 10))
        #expect(refusal([], bytes: 1001) == .headerTooLarge(bytesMax: 1000))
    }

    @Test(arguments: ["", "a b", "a:", "ä", "a\0"])
    func `a name that is no token is refused`(name: String) {
        #expect(refusal([(name, "x")]) == .malformedHeader)
    }

    @Test(arguments: ["a\rb", "a\nb", "a\0b", "\u{7F}"])
    func `a control character in an answer's header makes it unfit`(value: String) {
        #expect(HTTPServerResponse(status: 200, headers: [("X", value)]).checkedHeaders == nil)
        #expect(HTTPServerResponse(status: 200, headers: [(value, "x")]).checkedHeaders == nil)
    }

    @Test(arguments: [0, 99, 100, 101, 600, -1])
    func `a status that is no final one makes an answer unfit`(status: Int) {
        #expect(HTTPServerResponse(status: status).checkedHeaders == nil)
    }
}
