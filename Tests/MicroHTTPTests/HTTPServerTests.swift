import MicroHTTP
import Testing

@Suite struct HTTPServerTests {
    private let healthz: @Sendable (HTTPServerRequest) -> HTTPServerResponse? = { request in
        request.path == "/healthz" ? HTTPServerResponse(status: 200, body: Array("ok".utf8)) : nil
    }

    @Test func `immediate and asynchronous answers reach the client`() async throws {
        try await withServer(immediate: healthz) { server in
            let base = "http://127.0.0.1:\(server.port)"
            let now = try await curl(["\(base)/healthz"])
            #expect(now == "ok")
            let later = try await curl(["\(base)/v1/x?a=1&b=%26"])
            #expect(later == "GET /v1/x [a=1&b=&] 0 127.0.0.1")
        }
    }

    @Test func `immediate answers come although nothing runs the handlers`() async throws {
        let server = HTTPServer(configuration: .init(), immediate: healthz, handler: { describe($0) })
        try server.start()
        #expect(try await curl(["http://127.0.0.1:\(server.port)/healthz"]) == "ok")
        await server.shutdown()
        #expect(server.connectionsOpen == 0)
    }

    @Test func `only the headers of the protocol are added`() async throws {
        try await withServer(immediate: healthz) { server in
            let names = try await python(
                server,
                #"""
                data = ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").split(b"\r\n\r\n")[0]
                print(sorted(l.split(b":")[0].decode() for l in data.split(b"\r\n")[1:]))
                """#)
            #expect(names == "['Connection', 'Content-Length', 'Date']")
        }
    }

    @Test func `HEAD has the headers of GET and no body`() async throws {
        try await withServer { server in
            let answer = try await python(
                server,
                #"""
                data = ask(b"HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                _, body = data.split(b"\r\n\r\n", 1)
                print(status(data), b"Content-Length: 22\r\n" in data, body)
                """#)
            #expect(answer == "200 True b''")
        }
    }

    @Test(arguments: ["DELETE", "PATCH", "PUT", "OPTIONS", "PROPFIND"])
    func `other methods pass on`(method: String) async throws {
        try await withServer { server in
            let answer = try await curl(["-X", method, "--data", "abc", "http://127.0.0.1:\(server.port)/x"])
            #expect(answer == "\(method) /x [] 3 127.0.0.1")
        }
    }

    @Test func `a connection is kept over several requests`() async throws {
        try await withServer(immediate: healthz) { server in
            let base = "http://127.0.0.1:\(server.port)"
            let answer = try await curl([
                "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", "\(base)/healthz",
                "\(base)/async", "\(base)/healthz",
            ])
            #expect(answer == "1 0 0 ")
        }
    }

    @Test func `pipelined requests are answered in order`() async throws {
        try await withServer(immediate: healthz) { server in
            let answer = try await python(
                server,
                #"""
                one = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
                last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                data = ask(one % 1 + one % 2 + last)
                print(data.count(b"HTTP/1.1 200"), data.index(b"/1 ") < data.index(b"/2 "), data.endswith(b"ok"))
                """#)
            #expect(answer == "3 True True")
        }
    }

    @Test func `two hundred requests are with the handler at once`() async throws {
        let gate = Gate()
        try await withServer(handler: { request in
            await gate.wait()
            return describe(request)
        }) { server in
            async let answer = python(
                server,
                #"""
                sockets = [connect() for _ in range(200)]
                for s in sockets: s.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab")
                print(sum(read(s).endswith(b"POST /x [] 2 127.0.0.1") for s in sockets))
                """#)
            await eventually("200 handlers at once") { server.handlersRunning == 200 }
            gate.open()
            let count = try await answer
            #expect(count == "200")
            await eventually("every handler released") { server.handlersRunning == 0 }
        }
    }

    @Test func `bodies arrive whole by length, in chunks and after 100 Continue`() async throws {
        try await withServer { server in
            let answer = try await python(
                server,
                #"""
                close = b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                print(ask(close + b"Content-Length: 300000\r\n\r\n" + b"x" * 300000).split()[-2:])
                chunk = b"7530\r\n" + b"y" * 30000 + b"\r\n"
                print(ask(close + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3 + b"0\r\n\r\n").split()[-2:])
                s = connect()
                s.sendall(close + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
                print(status(s.recv(100)))
                s.sendall(b"ab")
                print(read(s).split()[-2:])
                """#)
            #expect(
                answer == """
                    [b'300000', b'127.0.0.1']
                    [b'90000', b'127.0.0.1']
                    100
                    [b'2', b'127.0.0.1']
                    """)
        }
    }

    @Test func `an IPv6 address is bound and names its client`() async throws {
        try await withServer(.init(address: "::1")) { server in
            let answer = try await curl(["--globoff", "http://[::1]:\(server.port)/x"])
            #expect(answer == "GET /x [] 0 ::1")
        }
    }

    @Test func `the wildcard of IPv6 takes IPv4 clients under their own address`() async throws {
        try await withServer(.init(address: "::")) { server in
            let answer = try await curl(["http://127.0.0.1:\(server.port)/x"])
            #expect(answer == "GET /x [] 0 127.0.0.1")
        }
    }

    @Test func `an answer that would split into two becomes a 500`() async throws {
        try await withServer(handler: { _ in
            HTTPServerResponse(status: 200, headers: [("Location", "/a\r\nSet-Cookie: b=c")])
        }) { server in
            let answer = try await curl(["-i", "http://127.0.0.1:\(server.port)/x"])
            #expect(answer.hasPrefix("HTTP/1.1 500"))
            #expect(!answer.contains("Set-Cookie"))
        }
    }

    @Test func `headers pass in both directions`() async throws {
        try await withServer(handler: { request in
            HTTPServerResponse(
                status: 201,
                headers: [
                    ("X-Seen", request.header("x-sent") ?? ""), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
                    ("X-Empty", ""), ("Content-Length", "999"),
                ])
        }) { server in
            let answer = try await curl(["-i", "-H", "X-Sent: grün", "http://127.0.0.1:\(server.port)/x"])
            #expect(answer.hasPrefix("HTTP/1.1 201"))
            #expect(answer.contains("X-Seen: grün"))
            #expect(answer.contains("Set-Cookie: a=1") && answer.contains("Set-Cookie: b=2"))
            #expect(answer.contains("Content-Length: 0"))
        }
    }
}
