/// An answer; the server adds `Date`, `Content-Length` and `Connection`, nothing else.
///
/// The server sets the framing headers itself (`Connection`, `Content-Length`, `Transfer-Encoding`) and drops a handler's.
/// A header name that is no token, a value with a control character, or a status outside 200…599 is answered 500 instead.
package struct HTTPServerResponse: Sendable {
    package var status: Int
    package var headers: [(String, String)]
    package var body: [UInt8]

    package init(status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

extension HTTPServerResponse {
    /// The headers that are sent, or nil when one of them or the status is not fit to be sent.
    var checkedHeaders: [(String, String)]? {
        guard (200...599).contains(status) else { return nil }
        var checked: [(String, String)] = []
        for (name, value) in headers {
            guard HeaderSyntax.isName(name.utf8), HeaderSyntax.isValue(value.utf8) else { return nil }
            let isFraming = ["connection", "content-length", "transfer-encoding"].contains(name.lowercased())
            // libmicrohttpd refuses empty values; leaving the header out says the same.
            if !isFraming, !value.isEmpty { checked.append((name, value)) }
        }
        return checked
    }

    /// The body that is sent: none with a status that has none.
    var sentBody: [UInt8] { status == 204 || status == 304 ? [] : body }
}
