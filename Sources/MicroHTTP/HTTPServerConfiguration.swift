/// Where the server listens and what it grants to a client.
package struct HTTPServerConfiguration: Sendable {
    /// A numeric IPv4 or IPv6 address, or `localhost` (127.0.0.1); `::` takes IPv4 clients too.
    package var address: String
    /// 0 lets the system choose; ``HTTPServer/port`` tells which.
    package var port: Int
    /// Threads that read, answer and run the immediate closure.
    package var threads: Int
    /// Open connections over all threads, an equal share each; more wait in the listen queue.
    package var connectionsMax: Int
    /// Asynchronous handlers that run at once; a request beyond that is answered 503.
    package var requestsMax: Int
    /// Bytes of a request's body; more is answered 413.
    package var bodyBytesMax: Int
    /// Bytes of a request's line and headers; more is answered 431.
    package var headerBytesMax: Int
    /// From the accepted connection, or the request line on a kept one, to the end of the headers, however they trickle in.
    package var headerDeadline: Duration
    /// From the end of the headers to the end of the body.
    package var bodyDeadline: Duration
    /// From the whole request to the handler's answer; then the client gets 503 and the handler is cancelled.
    package var requestDeadline: Duration
    /// From the answer to its last byte taken over by the client's side.
    package var answerDeadline: Duration
    /// How long a kept connection may wait for its next request.
    package var idleDeadline: Duration
    /// How long a stop waits for requests under way before it answers them 503.
    package var drainDeadline: Duration

    package init(
        address: String = "127.0.0.1", port: Int = 0, threads: Int = 2, connectionsMax: Int = 1024,
        requestsMax: Int = 256, bodyBytesMax: Int = 1 << 20, headerBytesMax: Int = 16 << 10,
        headerDeadline: Duration = .seconds(10), bodyDeadline: Duration = .seconds(30),
        requestDeadline: Duration = .seconds(45), answerDeadline: Duration = .seconds(60),
        idleDeadline: Duration = .seconds(75), drainDeadline: Duration = .seconds(10)
    ) {
        self.address = address
        self.port = port
        self.threads = threads
        self.connectionsMax = connectionsMax
        self.requestsMax = requestsMax
        self.bodyBytesMax = bodyBytesMax
        self.headerBytesMax = headerBytesMax
        self.headerDeadline = headerDeadline
        self.bodyDeadline = bodyDeadline
        self.requestDeadline = requestDeadline
        self.answerDeadline = answerDeadline
        self.idleDeadline = idleDeadline
        self.drainDeadline = drainDeadline
    }
}

extension HTTPServerConfiguration {
    /// How often the deadlines are looked at: a quarter of the shortest, between 5 and 250 ms.
    var tick: Duration {
        let shortest = min(headerDeadline, bodyDeadline, requestDeadline, answerDeadline, idleDeadline)
        return max(.milliseconds(5), min(.milliseconds(250), shortest / 4))
    }

    /// libmicrohttpd's own limit on silence: a second line behind the deadlines, so longer than each of them.
    var inactivitySeconds: Int {
        let longest = max(headerDeadline, bodyDeadline, answerDeadline, idleDeadline)
        return Int(longest.components.seconds) + 5
    }

    /// Memory of one connection: the headers, libmicrohttpd's records of them, and the answer's headers.
    var connectionMemoryBytes: Int { 2 * headerBytesMax + (8 << 10) }
}
