import MicroHTTP
import Testing

@Suite struct HTTPServerLimitTests {
    private let limits = HTTPServerConfiguration(bodyBytesMax: 1000, headerBytesMax: 2000)

    @Test(arguments: [
        ("Content-Length: 4\\r\\nTransfer-Encoding: chunked", 400), ("Content-Length: 4\\r\\nContent-Length: 5", 400),
        ("Transfer-Encoding: gzip, chunked", 400), ("Transfer-Encoding: identity", 400),
        ("Transfer-Encoding: chunked\\r\\nTransfer-Encoding: chunked", 400), ("Content-Length: -1", 400),
        ("Content-Length: 1001", 413), ("Content-Length: 99999999999999999999999", 413), ("Bad Name: x", 400),
        ("X: a\\x01b", 400),
        ("Content-Length : 3", 400), ("Transfer-Encoding:\\x0bchunked", 400), ("X: a\\rContent-Length: 3", 400),
        ("Transfer-Encoding:\\r\\n chunked\\r\\nContent-Length: 3", 400),
        ("Content-Length: 3\\r\\nContent-Length:\\r\\n\\t5", 400), (" X: a", 400), ("X", 400),
        ("X: " + String(repeating: "x", count: 2000), 431),
        ("X: " + String(repeating: "x", count: 100_000), 431),
        ("Content-Length: 0\\r\\nX: " + String(repeating: "x", count: 1500), 200),
    ])
    func `headers decide before the body is read`(headers: String, status: Int) async throws {
        try await withServer(limits) { server in
            let answer = try await python(
                server,
                #"print(status(ask(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\#(headers)\r\n\r\n")))"#)
            #expect(answer == String(status))
        }
    }

    @Test func `a refused request closes its connection`() async throws {
        try await withServer(limits) { server in
            let answer = try await python(
                server,
                #"""
                data = ask(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"
                           b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
                print(status(data), data.count(b"HTTP/1.1 "), b"application/problem+json" in data, b"Connection: close" in data)
                """#)
            #expect(answer == "400 1 True True")
        }
    }

    @Test func `HTTP 1.0 cannot send chunks`() async throws {
        try await withServer { server in
            let answer = try await python(
                server, #"print(status(ask(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")))"#)
            #expect(answer == "400")
        }
    }

    @Test func `a body in chunks is counted`() async throws {
        try await withServer(limits) { server in
            let answer = try await python(
                server,
                #"""
                head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                chunk = b"1f4\r\n" + b"x" * 500 + b"\r\n"
                for count in 2, 3, 40:
                    print(status(ask(head + chunk * count + b"0\r\n\r\n")))
                """#)
            #expect(answer == "200\n413\n0")
        }
    }

    @Test(arguments: ["/%zz", "/%ff", "/x?a=%C3", "/x%00", "/a#b", "x"])
    func `a target that cannot be decoded is refused`(target: String) async throws {
        try await withServer { server in
            let answer = try await python(
                server, #"print(status(ask(b"GET \#(target) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")))"#)
            #expect(answer == "400")
        }
    }

    @Test(arguments: ["", "\\r\\n", "GARBAGE\\r\\n\\r\\n", "\\x16\\x03\\x01\\x02\\x00", "GET / HTTP/9.9\\r\\n\\r\\n"])
    func `garbage does no harm`(bytes: String) async throws {
        try await withServer(.init(headerDeadline: .milliseconds(100))) { server in
            let answer = try await python(
                server,
                #"""
                ask(b"\#(bytes)")
                print(status(ask(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")))
                """#)
            #expect(answer == "200")
        }
    }

    @Test func `a request beyond those at work is turned away`() async throws {
        let gate = Gate()
        try await withServer(
            .init(requestsMax: 2),
            handler: { request in
                await gate.wait()
                return describe(request)
            }
        ) { server in
            let request = #"s = connect(); s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")"#
            async let first = python(server, "\(request); print(status(read(s)))")
            async let second = python(server, "\(request); print(status(read(s)))")
            await eventually("two at work") { server.handlersRunning == 2 }
            let third = try await python(server, "\(request); d = read(s); print(status(d), b'Retry-After: 1' in d)")
            #expect(third == "503 True")
            gate.open()
            #expect(try await [first, second] == ["200", "200"])
        }
    }

    @Test func `connections beyond the limit wait and are served then`() async throws {
        try await withServer(.init(threads: 1, connectionsMax: 2)) { server in
            let answer = try await python(
                server,
                #"""
                sockets = [connect() for _ in range(10)]
                for s in sockets: s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                print(sum(status(read(s)) == 200 for s in sockets))
                """#)
            #expect(answer == "10")
        }
    }
}
