/// A whole request as received; nothing in it has been checked but its form.
package struct HTTPServerRequest: Sendable {
    /// As sent; HEAD is not turned into GET.
    package var method: String
    /// Percent-decoded, begins with `/` (or is `*`); an encoded slash cannot be told from a plain one here.
    package var path: String
    /// The path as sent, for callers who split it before decoding.
    package var rawPath: String
    /// Decoded names and values in the order sent; a repeated name stands repeatedly.
    package var query: [(String, String)]
    /// In the order sent, with the names as sent.
    package var headers: [(String, String)]
    package var body: [UInt8]
    /// The peer's numeric address without port; a proxy's when there is one in between.
    package var remoteAddress: String

    package init(
        method: String = "GET", path: String, rawPath: String? = nil, query: [(String, String)] = [],
        headers: [(String, String)] = [], body: [UInt8] = [], remoteAddress: String = "127.0.0.1"
    ) {
        self.method = method
        self.path = path
        self.rawPath = rawPath ?? path
        self.query = query
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
    }

    /// The parts of the path between slashes, each decoded by itself, so that an encoded slash stays in its part.
    package var segments: [String] {
        rawPath.split(separator: "/", omittingEmptySubsequences: true).map {
            // The whole path was decodable, and a slash ends no character.
            RequestTarget.decoded($0, plusIsSpace: false) ?? String($0)
        }
    }

    /// The first value of a header; names compare without regard to case.
    package func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.0.lowercased() == name }?.1
    }

    /// The first value of a query parameter.
    package func queryValue(_ name: String) -> String? {
        query.first { $0.0 == name }?.1
    }
}
