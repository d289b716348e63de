import MicroHTTP
import Synchronization
import Testing

@Suite struct HTTPServerDeadlineTests {
    /// Sends `start`, then one byte whenever 20 ms pass without news; prints the answer's status and the time to the end.
    private func trickle(_ server: HTTPServer, after start: String) async throws -> (status: String, seconds: Double) {
        let output = try await python(
            server,
            #"""
            begin = time.monotonic()
            s = connect()
            s.sendall(b"\#(start)")
            data = b""
            while time.monotonic() - begin < 20:
                if select.select([s], [], [], 0.02)[0]:
                    try: piece = s.recv(65536)
                    except ConnectionError: break
                    if not piece: break
                    data += piece
                else:
                    try: s.sendall(b"a")
                    except ConnectionError: break
            print(status(data), time.monotonic() - begin)
            """#)
        let words = output.split(separator: " ")
        return (String(words[0]), try #require(Double(words[1])))
    }

    @Test(arguments: [
        "", "G", "GET / HTTP/1.1\\r\\nHost: x\\r\\nX: ",
        "POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 1000\\r\\n\\r\\n",
        "POST / HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3e8\\r\\n",
    ])
    func `a trickle is cut at the absolute deadline`(start: String) async throws {
        let limits = HTTPServerConfiguration(headerDeadline: .milliseconds(300), bodyDeadline: .milliseconds(300))
        try await withServer(limits) { server in
            let (status, seconds) = try await trickle(server, after: start)
            #expect(status == "0")
            #expect((0.29...10).contains(seconds))
            await eventually("the connection is gone") { server.connectionsOpen == 0 }
        }
    }

    @Test func `a kept connection is closed when it stays idle`() async throws {
        try await withServer(.init(idleDeadline: .milliseconds(200))) { server in
            let answer = try await python(
                server, #"data = ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"); print(status(data), b"close" in data)"#)
            #expect(answer == "200 False")
        }
    }

    @Test func `a slow header on a kept connection gets the header's time, not the idle time`() async throws {
        try await withServer(.init(headerDeadline: .milliseconds(300))) { server in
            let (status, seconds) = try await trickle(
                server, after: "GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\nGET / HTTP/1.1\\r\\nHost: x\\r\\nX: ")
            #expect(status == "200")
            #expect((0.29...10).contains(seconds))
        }
    }

    @Test func `a client that does not take its answer is cut`() async throws {
        let gate = Gate()
        let limits = HTTPServerConfiguration(answerDeadline: .milliseconds(200))
        try await withServer(
            limits,
            handler: { request in
                if request.path == "/wait" { await gate.wait() }
                return HTTPServerResponse(status: 200, body: Array(repeating: 0x78, count: 32 << 20))
            }
        ) { server in
            async let answer = python(
                server,
                #"""
                s = connect()
                s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                w = connect()
                w.sendall(b"HEAD /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                print(status(read(w)), len(read(s)) < 32 << 20)
                """#)
            await eventually("two connections") { server.connectionsOpen == 2 }
            await eventually("one is cut") { server.connectionsOpen == 1 }
            gate.open()
            let end = try await answer
            #expect(end == "200 True")
        }
    }

    @Test func `a late handler is cancelled and the client gets 503`() async throws {
        let started = Gate()
        let cancelled = Gate()
        try await withServer(
            .init(requestDeadline: .milliseconds(100)),
            immediate: { $0.path == "/now" ? describe($0) : nil },
            handler: { request in
                started.open()
                await waitForCancellation()
                cancelled.open()
                return describe(request)
            }
        ) { server in
            let base = "http://127.0.0.1:\(server.port)"
            // On a machine so busy that the time is over before the handler starts, it is not started: ask again.
            repeat {
                let answer = try await curl([
                    "-w", " %{http_code} %{content_type} %{num_connects} ", "\(base)/hang", "\(base)/now",
                ])
                #expect(answer.contains("was not ready in time"))
                #expect(answer.contains(" 503 application/problem+json 1 GET /now [] 0 127.0.0.1 200 text/plain 0 "))
            } while !started.isOpen
            await cancelled.wait()
        }
    }

    @Test func `what a handler answers after its time is dropped`() async throws {
        let gate = Gate()
        try await withServer(
            .init(requestsMax: 1, requestDeadline: .milliseconds(100)),
            handler: { request in
                await gate.wait()
                return describe(request)
            }
        ) { server in
            let url = "http://127.0.0.1:\(server.port)/x"
            repeat {
                let late = try await curl([url])
                #expect(late.contains("was not ready in time"))
            } while server.handlersRunning == 0
            let full = try await curl([url])
            #expect(full.contains("as many requests as it may"))
            gate.open()
            await eventually("the late handler is released") { server.handlersRunning == 0 }
            var answer: String
            repeat { answer = try await curl([url]) } while answer.contains("was not ready in time")
            #expect(answer == "GET /x [] 0 127.0.0.1")
        }
    }

    @Test(arguments: [
        "s.close()", #"s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()"#,
    ])
    func `a client may hang up while its handler works`(hangUp: String) async throws {
        let gate = Gate()
        let arrived = Atomic(0)
        let immediate: @Sendable (HTTPServerRequest) -> HTTPServerResponse? = { request in
            guard request.path == "/arrived" else { return nil }
            return HTTPServerResponse(status: 200, body: Array("\(arrived.load(ordering: .relaxed))".utf8))
        }
        let handler: @Sendable (HTTPServerRequest) async -> HTTPServerResponse = { request in
            arrived.add(1, ordering: .relaxed)
            if request.path == "/hang" { await gate.wait() }
            return HTTPServerResponse(status: 200, body: Array(repeating: 0x78, count: 1 << 20))
        }
        try await withServer(immediate: immediate, handler: handler) { server in
            _ = try await python(
                server,
                #"""
                sockets = [connect() for _ in range(20)]
                for s in sockets: s.sendall(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
                while not ask(b"GET /arrived HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").endswith(b"20"): pass
                for s in sockets: \#(hangUp)
                """#)
            #expect(server.handlersRunning == 20)
            gate.open()
            await eventually("nothing is left") { server.connectionsOpen == 0 && server.handlersRunning == 0 }
            let answer = try await curl(["-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:\(server.port)/x"])
            #expect(answer == "200")
        }
    }
}
