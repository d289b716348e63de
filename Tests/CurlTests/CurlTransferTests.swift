import Curl
import Testing

@Suite(.timeLimit(.minutes(1))) struct CurlTransferTests {
    @Test func `a kept connection serves request after request`() async throws {
        let connections = Sightings<Int>()
        let requests = Sightings<PeerRequest>()
        try await withPeer { wire in
            connections.add(1)
            while let request = try await wire.request() {
                requests.add(request)
                try await wire.answer("200 OK", request.body, headers: "X-Tag:  one two \r\nEmpty:\r\n")
            }
        } body: { port in
            try await withClient { client in
                for number in 1...20 {
                    let outcome = await client.transfer(.post(port, "body \(number)"))
                    #expect(outcome.answer == Answer(status: 200, body: "body \(number)"))
                    #expect(outcome.header("x-tag") == "one two")
                    #expect(outcome.header("empty") == "")
                }
            }
        }
        #expect(connections.all.count == 1)
        #expect(requests.all.count == 20)
    }

    @Test func `the request is what was asked for and nothing else`() async throws {
        let requests = Sightings<PeerRequest>()
        try await withPeer { wire in
            while let request = try await wire.request() {
                requests.add(request)
                try await wire.answer("204 No Content", "")
            }
        } body: { port in
            try await withClient { client in
                let large = String(repeating: "x", count: 2 << 20)
                _ = await client.transfer(.post(port, large))
                var request = CurlRequest.get(port, "/a?b=c")
                request.headers = [("Authorization", "Bearer x"), ("X-Empty", "")]
                _ = await client.transfer(request)
                for method in ["PUT", "DELETE", "PATCH"] {
                    request.method = method
                    request.body = method == "DELETE" ? [] : Array("{}".utf8)
                    _ = await client.transfer(request)
                }
                request.method = "POST"
                request.body = []
                _ = await client.transfer(request)
            }
        }
        let seen = requests.all
        #expect(
            seen.map(\.line) == [
                "POST / HTTP/1.1", "GET /a?b=c HTTP/1.1", "PUT /a?b=c HTTP/1.1", "DELETE /a?b=c HTTP/1.1",
                "PATCH /a?b=c HTTP/1.1", "POST /a?b=c HTTP/1.1",
            ])
        #expect(seen.map(\.body.count) == [2 << 20, 0, 2, 0, 2, 0])
        #expect(seen.map { $0.header("content-length") } == ["\(2 << 20)", nil, "2", nil, "2", "0"])
        #expect(
            seen.allSatisfy {
                $0.header("expect") == nil && $0.header("cookie") == nil && $0.header("user-agent") == nil
            })
        #expect(seen.dropFirst().allSatisfy { $0.header("authorization") == "Bearer x" && $0.header("x-empty") == "" })
        #expect(seen.map { $0.header("content-type") } == ["text/plain", nil, nil, nil, nil, nil])
    }

    @Test func `HEAD has no body and its connection goes on`() async throws {
        try await withPeer { wire in
            while let request = try await wire.request() {
                if request.line.hasPrefix("HEAD") {
                    try await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
                } else {
                    try await wire.answer()
                }
            }
        } body: { port in
            try await withClient { client in
                var head = CurlRequest.get(port)
                head.method = "HEAD"
                #expect(await client.transfer(head).answer == Answer(status: 200, body: ""))
                #expect(await client.transfer(.get(port)).answer == Answer(status: 200, body: "ok"))
            }
        }
    }

    @Test func `a kept connection that dies under a request sees it once`() async throws {
        let bodies = Sightings<String>()
        try await withPeer { wire in
            var isFirst = true
            while let request = try await wire.request() {
                bodies.add(request.body)
                guard isFirst else { return }
                isFirst = false
                try await wire.answer()
            }
        } body: { port in
            try await withClient { client in
                #expect(await client.transfer(.post(port, "first")).answer?.status == 200)
                #expect(await client.transfer(.post(port, "spends the token")).lost == "second_send_refused")
                #expect(await client.transfer(.post(port, "third")).answer?.status == 200)
            }
        }
        #expect(bodies.all == ["first", "spends the token", "third"])
    }

    @Test func `a refused permit leaves nothing on the wire`() async throws {
        let ends = Sightings<Int>()
        try await withPeer { wire in
            ends.add(try await wire.readToEnd().bytes)
        } body: { port in
            try await withClient { client in
                let asked = Sightings<Int>()
                let outcome = await client.transfer(.post(port, "secret")) {
                    asked.add(1)
                    return false
                }
                #expect(outcome.unsent == "permit_refused")
                #expect(asked.all.count == 1)
            }
            await ends.reach(1)
        }
        #expect(ends.all == [0])
    }

    @Test func `a permit is asked for on kept connections too`() async throws {
        let requests = Sightings<PeerRequest>()
        try await withPeer { wire in
            while let request = try await wire.request() {
                requests.add(request)
                try await wire.answer()
            }
        } body: { port in
            try await withClient { client in
                #expect(await client.transfer(.post(port, "1")).answer?.status == 200)
                #expect(await client.transfer(.post(port, "2")) { false }.unsent == "permit_refused")
                #expect(await client.transfer(.post(port, "3")).answer?.status == 200)
            }
        }
        #expect(requests.all.map(\.body) == ["1", "3"])
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Answer(status: 200, body: "half", isCut: true)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            Answer(status: 200, body: "half", isCut: true)
        ),
        ("HTTP/1.1 200 OK\r\nContent-Le", Answer(status: 200, body: "", isCut: true)),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall", Answer(status: 200, body: "all")),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789",
            Answer(status: 200, body: "0123456789", isCut: true)
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890",
            Answer(status: 200, body: "0123456789", isOverLong: true)
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", Answer(status: 200, body: "0123456789")),
        (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            Answer(status: 502, body: "<html>")
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            Answer(status: 200, body: "ok")
        ),
        ("HTTP/1.0 401 No\r\n\r\nno", Answer(status: 401, body: "no")),
    ])
    func `what came back is told as far as it came`(text: String, answer: Answer) async throws {
        try await withPeer { wire in
            _ = try await wire.request()
            try await wire.write(text)
        } body: { port in
            try await withClient { client in
                var request = CurlRequest.post(port, "x")
                request.bodyBytesMax = 10
                #expect(await client.transfer(request).answer == answer)
            }
        }
    }

    @Test(arguments: [
        ("", "empty_reply"), ("HTTP/1.1 100 Continue\r\n\r\n", nil), ("hello\r\n", "no_http"), ("HTTP/1.", nil),
    ])
    func `without a final status line the request is lost`(text: String, code: String?) async throws {
        try await withPeer { wire in
            _ = try await wire.request()
            if !text.isEmpty { try await wire.write(text) }
        } body: { port in
            try await withClient { client in
                let outcome = await client.transfer(.post(port, "x"))
                #expect(outcome.lost != nil)
                if let code { #expect(outcome.lost == code) }
            }
        }
    }

    @Test func `headers beyond their limit cut the answer`() async throws {
        try await withPeer { wire in
            _ = try await wire.request()
            try await wire.write(
                "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Filler: 0123456789\r\n", count: 200) + "\r\n")
        } body: { port in
            try await withClient(.loopback(headerBytesMax: 2048)) { client in
                #expect(await client.transfer(.get(port)).answer == Answer(status: 200, body: "", isCut: true))
            }
        }
    }

    @Test func `a redirect is an answer, not a way`() async throws {
        let requests = Sightings<PeerRequest>()
        try await withPeer { wire in
            while let request = try await wire.request() {
                requests.add(request)
                try await wire.answer("302 Found", "", headers: "Location: /other\r\nSet-Cookie: a=b\r\n")
            }
        } body: { port in
            try await withClient { client in
                for _ in 1...2 {
                    let outcome = await client.transfer(.get(port))
                    #expect(outcome.answer?.status == 302)
                    #expect(outcome.header("location") == "/other")
                }
            }
        }
        #expect(requests.all.count == 2)
        #expect(requests.all.allSatisfy { $0.header("cookie") == nil })
    }

    @Test func `the total limit ends a dripping answer and tells what came`() async throws {
        try await withPeer { wire in
            _ = try await wire.request()
            try await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            _ = try await wire.readToEnd()
        } body: { port in
            try await withClient { client in
                let outcome = await client.transfer(.get(port, total: .seconds(2)))
                #expect(outcome.answer == Answer(status: 200, body: "abc", isCut: true))
            }
        }
    }

    @Test func `a request without an answer is lost by the total limit and its connection reset`() async throws {
        let ends = Sightings<Bool>()
        try await withPeer { wire in
            _ = try await wire.request()
            ends.add(try await wire.readToEnd().isReset)
        } body: { port in
            try await withClient { client in
                #expect(await client.transfer(.post(port, "x", total: .seconds(2))).lost == "timed_out")
                await ends.reach(1)
            }
        }
        #expect(ends.all == [true])
    }
}
