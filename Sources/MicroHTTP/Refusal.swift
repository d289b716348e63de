/// What the server answers on its own, before or instead of a handler.
enum Refusal: Equatable {
    case malformedTarget
    case malformedHeader
    case lengthAndTransferCoding
    case contradictingLengths
    case unsupportedTransferCoding
    case headerTooLarge(bytesMax: Int)
    case bodyTooLarge(bytesMax: Int)
    case tooManyRequests
    case deadlinePassed
    case stopping
    case faultyAnswer

    /// The refusal as a problem of RFC 9457.
    var response: HTTPServerResponse {
        let (status, title, detail, hint) = content
        var headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
        if status == 503 { headers.append(("Retry-After", "1")) }
        // The texts are the constants below and numbers: nothing in them needs escaping.
        let body =
            #"{"type":"about:blank","title":"\#(title)","status":\#(status),"detail":"\#(detail)","hint":"\#(hint)"}"#
        return HTTPServerResponse(status: status, headers: headers, body: Array(body.utf8))
    }

    private var content: (status: Int, title: String, detail: String, hint: String) {
        switch self {
        case .malformedTarget:
            (
                400, "Bad Request", "The path or query is not valid percent-encoded UTF-8.",
                "Encode each byte outside the URL alphabet as %XX."
            )
        case .malformedHeader:
            (
                400, "Bad Request", "A header is malformed.",
                "Send names of letters, digits and hyphens, and values without control characters."
            )
        case .lengthAndTransferCoding:
            (
                400, "Bad Request", "Content-Length and Transfer-Encoding came together.",
                "Send one of them; the end of the request is ambiguous with both."
            )
        case .contradictingLengths:
            (400, "Bad Request", "Content-Length came more than once or is not a number.", "Send it once.")
        case .unsupportedTransferCoding:
            (
                400, "Bad Request", "The transfer coding is not supported.",
                "Send the body with Content-Length, or over HTTP/1.1 with Transfer-Encoding: chunked."
            )
        case .headerTooLarge(let bytesMax):
            (
                431, "Request Header Fields Too Large", "The request line and headers exceed \(bytesMax) bytes.",
                "Send fewer or shorter headers."
            )
        case .bodyTooLarge(let bytesMax):
            (413, "Content Too Large", "The body exceeds \(bytesMax) bytes.", "Send less at once.")
        case .tooManyRequests:
            (
                503, "Service Unavailable", "The server works on as many requests as it may at once.",
                "Try again in a moment."
            )
        case .deadlinePassed:
            (
                503, "Service Unavailable", "The answer was not ready in time.",
                "Try again; what was begun may have been done."
            )
        case .stopping:
            (503, "Service Unavailable", "The server is stopping.", "Try again in a moment.")
        case .faultyAnswer:
            (
                500, "Internal Server Error", "The answer could not be put into HTTP.",
                "Report this with the request that caused it."
            )
        }
    }
}
