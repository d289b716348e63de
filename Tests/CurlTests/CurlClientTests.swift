import Curl
import FlyingSocks
import Glibc
import Testing

@Suite(.timeLimit(.minutes(1))) struct CurlClientTests {
    @Test func `a closed port refuses the connection`() async throws {
        // Bound and not listening: nobody else can take the port meanwhile.
        let socket = try Socket(domain: Int32(AF_INET), type: .stream)
        defer { try? socket.close() }
        try socket.bind(to: .inet(ip4: "127.0.0.1", port: 0))
        guard case .ip4(_, let port) = try socket.sockname() else { throw SocketError.unsupportedAddress }
        try await withClient { client in
            let outcome = await client.transfer(.get(Int(port), "/very-secret"))
            #expect(outcome.unsent == "connect")
            #expect(outcome.message == "No connection could be made (Connection refused).")
        }
    }

    @Test func `a name that does not exist is not resolved`() async throws {
        try await withClient { client in
            let outcome = await client.transfer(CurlRequest(method: "GET", url: "https://nothing.invalid/very-secret"))
            #expect(outcome.unsent == "resolve")
            #expect(!outcome.message.contains("secret") && !outcome.message.contains("nothing"))
        }
    }

    @Test(arguments: [
        ("https://127.0.0.2/", "address_refused"), ("https://0x7f.1/", "address_refused"),
        ("https://2130706433/", "address_refused"), ("https://10.0.0.1/", "address_refused"),
        ("https://[::ffff:127.0.0.1]/", "address_refused"), ("https://localhost/", "address_refused"),
        ("http://127.0.0.1/", "address_refused"), ("http://8.8.8.8/", "address_refused"),
        ("HTTP://127.1/", "address_refused"), ("https://user:word@127.0.0.1/", "invalid_url"),
        ("ftp://127.0.0.1/", "invalid_request"), ("127.0.0.1/", "invalid_request"), ("", "invalid_request"),
        ("https:/127.0.0.1", "invalid_request"), ("https://", "invalid_url"), ("https://a b/", "invalid_request"),
        ("https://x/\r\ny", "invalid_request"), ("file:///etc/passwd", "invalid_request"),
    ])
    func `without allowed networks nothing private is reached`(url: String, code: String) async throws {
        try await withClient(CurlConfiguration()) { client in
            let outcome = await client.transfer(CurlRequest(method: "GET", url: url, totalTimeout: .seconds(2)))
            #expect(outcome.unsent == code)
        }
    }

    @Test(arguments: [
        ("Content-Length", "5"), ("transfer-encoding", "chunked"), ("Expect", "100-continue"), ("X", "a\r\nY: b"),
        ("X", "a\0b"), ("", "x"), ("A B", "x"), ("A:", "x"), ("Host", "elsewhere"),
    ])
    func `headers that would change the framing are refused`(name: String, value: String) async throws {
        try await withClient { client in
            var request = CurlRequest.get(1)
            request.headers = [(name, value)]
            #expect(await client.transfer(request).unsent == "invalid_request")
        }
    }

    @Test func `proxies of the environment are ignored`() async {
        // In a process of its own: the environment belongs to all tests.
        await #expect(processExitsWith: .success) {
            for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
                unsafe setenv(name, "http://127.0.0.1:1", 1)
            }
            try await withPeer { wire in
                _ = try await wire.request()
                try await wire.answer()
            } body: { port in
                try await withClient { client in
                    let outcome = await client.transfer(.get(port))
                    precondition(outcome.answer?.status == 200, "\(outcome)")
                }
            }
        }
    }

    @Test func `500 transfers are in flight at once`() async throws {
        let requests = Sightings<Int>()
        try await withPeer { wire in
            while try await wire.request() != nil {
                requests.add(1)
                await requests.reach(500)
                try await wire.answer()
            }
        } body: { port in
            try await withClient { client in
                let answered = await withTaskGroup(of: Bool.self) { group in
                    for number in 1...500 {
                        group.addTask {
                            await client.transfer(.post(port, "\(number)", total: .seconds(50))).answer?.status == 200
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(answered == 500)
            }
        }
    }

    @Test func `more transfers than may fly wait and their time does not run`() async throws {
        let requests = Sightings<String>()
        try await withPeer { wire in
            while let request = try await wire.request() {
                requests.add(request.body)
                // Held until its own limit ends it, which is longer than the limit of those that wait.
                if request.body == "slow" { _ = try await wire.readToEnd() }
                try await wire.answer()
            }
        } body: { port in
            try await withClient(.loopback(transfersMax: 1, waitingMax: 2)) { client in
                await withTaskGroup(of: String?.self) { group in
                    group.addTask { await client.transfer(.post(port, "slow", total: .milliseconds(1500))).lost }
                    await requests.reach(1)
                    for _ in 1...3 {
                        group.addTask {
                            let outcome = await client.transfer(.post(port, "quick", total: .seconds(1)))
                            return outcome.unsent ?? outcome.answer.map { "\($0.status)" }
                        }
                    }
                    var ends: [String] = []
                    for await end in group { ends.append(end ?? "?") }
                    #expect(ends.sorted() == ["200", "200", "queue_full", "timed_out"])
                }
            }
        }
    }

    @Test func `a shutdown waits for what is in flight and refuses the rest`() async throws {
        let requests = Sightings<Int>()
        let goOn = Sightings<Int>()
        try await withPeer { wire in
            while try await wire.request() != nil {
                requests.add(1)
                await goOn.reach(1)
                try await wire.answer()
            }
        } body: { port in
            let client = try CurlClient(configuration: .loopback(transfersMax: 2))
            await withTaskGroup(of: String.self) { group in
                for _ in 1...2 {
                    group.addTask { await client.transfer(.get(port)).answer.map { "\($0.status)" } ?? "?" }
                }
                await requests.reach(2)
                group.addTask { await client.transfer(.get(port)).unsent ?? "?" }
                group.addTask {
                    await client.shutdown()
                    return "closed"
                }
                #expect(await group.next() == "shut_down")
                #expect(await client.transfer(.get(port)).unsent == "shut_down")
                goOn.add(1)
                var ends: [String] = []
                for await end in group { ends.append(end) }
                #expect(ends.sorted() == ["200", "200", "closed"])
            }
            await client.shutdown()
        }
    }

    @Test func `a cancelled task does not cut its transfer`() async throws {
        let requests = Sightings<Int>()
        let goOn = Sightings<Int>()
        try await withPeer { wire in
            _ = try await wire.request()
            requests.add(1)
            await goOn.reach(1)
            try await wire.answer()
        } body: { port in
            try await withClient { client in
                await withTaskGroup(of: Int?.self) { group in
                    group.addTask { await client.transfer(.get(port)).answer?.status }
                    await requests.reach(1)
                    group.cancelAll()
                    goOn.add(1)
                    #expect(await group.next() == 200)
                }
            }
        }
    }

    @Test func `requests and mails print no secrets`() {
        let request = CurlRequest(
            method: "POST", url: "https://example.com/secret", headers: [("a", "secret")], body: Array("secret".utf8))
        let mail = CurlMail(
            serverURL: "smtp://u:secret@h", sender: "secret@x", recipient: "secret@y", message: Array("secret".utf8))
        #expect(!"\(request) \(mail) \([request as Any, mail])".contains("secret"))
        var dumped = ""
        dump(request, to: &dumped)
        dump(mail, to: &dumped)
        #expect(!dumped.contains("secret") && !dumped.contains("115"))
    }

    @Test func `a CA file that is none stops the start`() {
        #expect(throws: CurlError.caFile(path: "/nothing/here", reason: "No such file or directory")) {
            try CurlClient(configuration: .loopback(caFile: "/nothing/here"))
        }
        #expect(throws: CurlError.caFile(path: "/etc/hostname", reason: "it holds no PEM certificate")) {
            try CurlClient(configuration: .loopback(caFile: "/etc/hostname"))
        }
    }
}
