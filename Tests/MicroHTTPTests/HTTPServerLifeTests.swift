import MicroHTTP
import Testing

@Suite struct HTTPServerLifeTests {
    @Test func `port 0 is replaced by the port bound`() async throws {
        try await withServer { server in #expect(server.port > 0) }
    }

    @Test func `a port in use is told in one sentence`() async throws {
        try await withServer { server in
            let second = HTTPServer(configuration: .init(port: server.port)) { describe($0) }
            let error = #expect(throws: HTTPServerError.self) { try second.start() }
            #expect(error == .portInUse(address: "127.0.0.1", port: server.port))
            #expect(error?.description.contains("Port \(server.port) on 127.0.0.1 is in use") == true)
            await #expect(throws: HTTPServerError.portInUse(address: "127.0.0.1", port: server.port)) {
                try await HTTPServer(configuration: .init(port: server.port), handler: { describe($0) }).run()
            }
        }
    }

    @Test(arguments: [
        ("example.com", 0, HTTPServerError.malformedAddress("example.com")), ("", 0, .malformedAddress("")),
        ("127.0.0.1", 65536, .malformedPort(65536)), ("127.0.0.1", -1, .malformedPort(-1)),
        ("192.0.2.1", 0, .addressUnavailable("192.0.2.1")),
    ])
    func `a place that cannot be bound is a typed error`(address: String, port: Int, expected: HTTPServerError) {
        let server = HTTPServer(configuration: .init(address: address, port: port)) { describe($0) }
        #expect(throws: expected) { try server.start() }
    }

    @Test func `the port is free again after the run`() async throws {
        let port = try await withServer { $0.port }
        try await withServer(.init(port: port)) { server in
            let answer = try await curl(["http://127.0.0.1:\(port)/x"])
            #expect(answer == "GET /x [] 0 127.0.0.1")
        }
    }

    @Test func `a server lives once`() async throws {
        let server = HTTPServer(configuration: .init()) { describe($0) }
        try server.start()
        #expect(throws: HTTPServerError.alreadyUsed) { try server.start() }
        await server.shutdown()
        try await server.run()
        #expect(throws: HTTPServerError.alreadyUsed) { try server.start() }
        await server.shutdown()
    }

    @Test func `a stop before the start lets run return`() async throws {
        let server = HTTPServer(configuration: .init()) { describe($0) }
        server.stop()
        try await server.run()
    }

    @Test func `a shutdown lets requests under way finish and closes their connections`() async throws {
        let gate = Gate()
        try await withServer(handler: { request in
            await gate.wait()
            return describe(request)
        }) { server in
            async let answers = python(
                server,
                #"""
                sockets = [connect() for _ in range(20)]
                for s in sockets: s.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
                answers = [read(s) for s in sockets]
                print(sum(status(a) == 200 and b"Connection: close" in a for a in answers))
                """#)
            await eventually("20 at work") { server.handlersRunning == 20 }
            server.stop()
            let refused = try await python(
                server,
                #"""
                refused = False
                while not refused:
                    try: connect().close()
                    except ConnectionRefusedError: refused = True
                print(refused)
                """#)
            #expect(refused == "True")
            gate.open()
            #expect(try await answers == "20")
            await server.shutdown()
        }
    }

    @Test func `a shutdown answers what the handlers leave suspended`() async throws {
        try await withServer(
            .init(drainDeadline: .milliseconds(50)),
            handler: { request in
                await waitForCancellation()
                return describe(request)
            }
        ) { server in
            async let answers = python(
                server,
                #"""
                sockets = [connect() for _ in range(50)]
                for s in sockets: s.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
                print(sum(status(read(s)) == 503 for s in sockets))
                """#)
            await eventually("50 at work") { server.handlersRunning == 50 }
            await server.shutdown()
            #expect(server.connectionsOpen == 0)
            let count = try await answers
            #expect(count == "50")
        }
    }

    @Test func `cancelling the run ends it with every client answered`() async throws {
        let server = HTTPServer(configuration: .init()) { request in
            await waitForCancellation()
            return HTTPServerResponse(status: 202)
        }
        try server.start()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            async let answers = python(
                server,
                #"""
                sockets = [connect() for _ in range(20)]
                for s in sockets: s.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
                print(sum(status(read(s)) == 202 for s in sockets))
                """#)
            await eventually("20 at work") { server.handlersRunning == 20 }
            group.cancelAll()
            try await group.waitForAll()
            #expect(server.connectionsOpen == 0)
            #expect(try await answers == "20")
        }
    }

    @Test func `clients in every state are closed by a shutdown`() async throws {
        let limits = HTTPServerConfiguration(drainDeadline: .milliseconds(50))
        try await withServer(limits) { server in
            async let ends = python(
                server,
                #"""
                kept = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
                starts = [b"", b"GE", b"GET / HTTP/1.1\r\nX:", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab", kept]
                sockets = [connect() for _ in starts]
                for s, start in zip(sockets, starts): s.sendall(start)
                for s in sockets: read(s)
                print("all closed")
                """#)
            await eventually("five connections") { server.connectionsOpen == 5 }
            await server.shutdown()
            #expect(server.connectionsOpen == 0)
            let end = try await ends
            #expect(end == "all closed")
        }
    }

    @Test func `a stop under load leaves nobody hanging`() async throws {
        try await withServer { server in
            async let ends = python(
                server,
                #"""
                def hammer():
                    try:
                        while True:
                            s = connect()
                            for i in range(20):
                                s.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
                                if not s.recv(65536): break
                            s.close()
                    except ConnectionError: pass
                threads = [threading.Thread(target=hammer) for _ in range(16)]
                for t in threads: t.start()
                for t in threads: t.join()
                print("done")
                """#)
            await eventually("load") { server.handlersRunning > 0 }
            await server.shutdown()
            let end = try await ends
            #expect(end == "done")
        }
    }
}
