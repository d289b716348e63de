/// An HTTP answer and the way it goes onto the wire.
struct WireAnswer: Sendable {
    /// How the bytes leave; all but `whole` are faults.
    enum Delivery: Sendable, Equatable {
        case whole
        /// Declares the full length, sends about half of the body and closes.
        case cut
        /// One byte at a time.
        case dripping(every: Duration)
        /// Nothing is sent; the connection closes.
        case closing
        /// Nothing is sent until the peer goes away.
        case hanging
    }

    var status: Int
    var headers: [(name: String, value: String)]
    var body: [UInt8]
    var delivery: Delivery = .whole
    /// Waited before the first byte.
    var delay: Duration = .zero
    /// Told before the peer can know that the request is over, and again when the connection is done with it.
    var ended: (@Sendable () -> Void)?

    init(status: Int = 200, headers: [(name: String, value: String)] = [], contentType: String, body: String) {
        self.status = status
        self.headers = [("Content-Type", contentType)] + headers
        self.body = Array(body.utf8)
    }

    init(status: Int = 200, headers: [(name: String, value: String)] = [], json: JSONValue) {
        self.init(
            status: status, headers: headers + [("Cache-Control", "no-store")],
            contentType: "application/json; charset=utf-8", body: json.text)
    }

    static func text(_ text: String, status: Int = 200) -> WireAnswer {
        WireAnswer(status: status, contentType: "text/plain; charset=utf-8", body: text)
    }

    static func html(_ title: String, _ body: String = "", status: Int = 200) -> WireAnswer {
        WireAnswer(
            status: status, contentType: "text/html; charset=utf-8",
            body: """
                <!doctype html><html><head><title>\(title)</title></head>\
                <body><h1>\(title)</h1>\(body)</body></html>
                """)
    }

    mutating func setContentType(_ type: String) {
        headers = headers.map { $0.name == "Content-Type" ? ($0.name, type) : $0 }
    }

    private func head(keepAlive: Bool) -> [UInt8] {
        var head = "HTTP/1.1 \(status) \(Self.reason(status))\r\n"
        for header in headers { head += "\(header.name): \(header.value)\r\n" }
        head += "Content-Length: \(body.count)\r\nConnection: \(keepAlive ? "keep-alive" : "close")\r\n\r\n"
        return Array(head.utf8)
    }

    /// Sends the answer; returns whether the connection may serve another request.
    func send(over connection: WireConnection, keepAlive: Bool, clock: any Clock<Duration>) async throws -> Bool {
        defer { ended?() }
        if delay > .zero { try await clock.sleep(for: delay) }
        switch delivery {
        case .whole:
            ended?()
            try await connection.write(head(keepAlive: keepAlive) + body)
            return keepAlive
        case .cut:
            ended?()
            try await connection.write(head(keepAlive: keepAlive) + body.prefix(max(1, body.count / 2)))
            return false
        case .dripping(let pause):
            let bytes = head(keepAlive: keepAlive) + body
            for byte in bytes.dropLast() {
                try await connection.write([byte])
                try await clock.sleep(for: pause)
            }
            ended?()
            try await connection.write(bytes.suffix(1))
            return keepAlive
        case .closing:
            return false
        case .hanging:
            try await connection.waitForPeerToLeave()
            return false
        }
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 202: "Accepted"
        case 204: "No Content"
        case 302: "Found"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 410: "Gone"
        case 413: "Content Too Large"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "Status"
        }
    }
}

/// Serves requests of one connection in turn until either side ends it.
func serveHTTP(
    _ connection: WireConnection, clock: any Clock<Duration>, _ answer: (WireRequest) async -> WireAnswer
) async throws {
    var ordinal = 1
    do {
        while let request = try await WireRequest.read(from: connection, ordinal: ordinal) {
            let answer = await answer(request)
            guard try await answer.send(over: connection, keepAlive: request.keepsAlive, clock: clock) else { return }
            ordinal += 1
        }
    } catch WireFault.tooLong {
        _ = try await WireAnswer.text("too large\n", status: 413)
            .send(over: connection, keepAlive: false, clock: clock)
    } catch WireFault.malformed {
        _ = try await WireAnswer.text("malformed request\n", status: 400)
            .send(over: connection, keepAlive: false, clock: clock)
    }
}
