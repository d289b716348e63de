import Domain
import FlyingSocks
import FoundationEssentials
import Testing

@testable import Sandbox

@Suite("Faults on the wire")
struct FaultTests {
    static let key = SandboxGrantKey(.amocrm, "bakery")

    /// A sandbox with one amoCRM grant and a connected client.
    private func withClient(
        _ sandbox: SandboxProvider = SandboxProvider(),
        _ body: @Sendable (SandboxProvider, RawClient, SandboxPair) async throws -> Void
    ) async throws {
        try await withSandbox(sandbox) { sandbox in
            let pair = sandbox.issue(provider: .amocrm, account: "bakery")
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            try await body(sandbox, client, pair)
        }
    }

    private func grant(_ sandbox: SandboxProvider) throws -> SandboxGrantSnapshot {
        try #require(sandbox.grant(provider: .amocrm, account: "bakery"))
    }

    @Test func `a cut answer declares more than it sends and has spent the token`() async throws {
        try await withClient { sandbox, client, pair in
            sandbox.inject(.cut, on: .grant(Self.key))
            try await client.sendRefresh(Self.key, pair.presented)
            let text = String(decoding: try await client.rest(), as: UTF8.self)
            let parts = text.components(of: "\r\n\r\n")
            let declared = try #require(
                parts[0].split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
                    .flatMap { Int($0.dropFirst(16)) })
            #expect(parts[1].utf8.count < declared)
            #expect(!parts[1].isEmpty)
            let grant = try grant(sandbox)
            #expect(grant.renewals == 1 && grant.newest != pair)
        }
    }

    @Test(arguments: [false, true])
    func `a closed connection answers nothing, before or after rotating`(_ afterRotating: Bool) async throws {
        try await withClient { sandbox, client, pair in
            sandbox.inject(.closed(afterRotating: afterRotating), on: .grant(Self.key))
            try await client.sendRefresh(Self.key, pair.presented)
            #expect(try await client.rest().isEmpty)
            let grant = try grant(sandbox)
            #expect(grant.renewals == (afterRotating ? 1 : 0))
            #expect((grant.newest == pair) == !afterRotating)
            #expect(grant.requests == 1)
        }
    }

    @Test func `a kept-alive connection is closed once its second request was read`() async throws {
        try await withClient { sandbox, client, pair in
            sandbox.inject(.closedAfterReuse(), on: .provider(.amocrm))
            let first = try await client.refresh(Self.key, pair.presented)
            #expect(first.status == 200 && first.headers["connection"] == "keep-alive")
            let newest = try grant(sandbox).newest
            try await client.sendRefresh(Self.key, newest.presented)
            #expect(try await client.rest().isEmpty)
            let grant = try grant(sandbox)
            #expect(grant.requests == 2 && grant.renewals == 1 && grant.newest == newest)
        }
    }

    @Test func `one byte leaves at each tick`() async throws {
        let clock = StillClock()
        try await withClient(SandboxProvider(clock: clock)) { sandbox, client, pair in
            sandbox.inject(.dripping(every: .seconds(1)), on: .grant(Self.key))
            try await client.sendRefresh(Self.key, pair.presented)
            for expected in "HTTP".utf8 {
                await clock.waitForSleeper()
                #expect(try await client.socket.read() == expected)
                #expect(client.isSilent)
                clock.advance(by: .seconds(1))
            }
            #expect(try grant(sandbox).inFlight == 1)
            #expect(try grant(sandbox).renewals == 1)
        }
    }

    @Test func `a slow answer waits for the clock and is whole`() async throws {
        let clock = StillClock()
        try await withClient(SandboxProvider(clock: clock)) { sandbox, client, pair in
            sandbox.inject(.slow(.seconds(20)), on: .grant(Self.key))
            try await client.sendRefresh(Self.key, pair.presented)
            await clock.waitForSleeper()
            #expect(client.isSilent)
            clock.advance(by: .seconds(20))
            #expect(try await client.answer().status == 200)
        }
    }

    @Test func `a second request during a slow one is counted as an overlap`() async throws {
        let clock = StillClock()
        try await withClient(SandboxProvider(clock: clock)) { sandbox, client, pair in
            sandbox.inject(.slow(.seconds(20)), on: .grant(Self.key))
            try await client.sendRefresh(Self.key, pair.presented)
            await clock.waitForSleeper()
            let other = try await RawClient(port: sandbox.port)
            defer { other.close() }
            #expect(try await other.refresh(Self.key, pair.presented).status == 401)
            let during = try grant(sandbox)
            #expect(during.overlaps == 1 && during.inFlightMax == 2 && during.reuses == 1)
            clock.advance(by: .seconds(20))
            _ = try await client.answer()
            #expect(try grant(sandbox).inFlight == 0)
        }
    }

    @Test(arguments: [false, true])
    func `a hanging answer sends nothing while the peer stays`(_ afterRotating: Bool) async throws {
        try await withClient { sandbox, client, pair in
            var exchanges = sandbox.exchanges().makeAsyncIterator()
            sandbox.inject(.hang(afterRotating: afterRotating), on: .grant(Self.key))
            try await client.sendRefresh(Self.key, pair.presented)
            let exchange = await exchanges.next()
            #expect(exchange?.fault == "hang")
            #expect(client.isSilent)
            let grant = try grant(sandbox)
            #expect(grant.inFlight == 1 && grant.renewals == (afterRotating ? 1 : 0))
        }
    }

    @Test func `a huge answer is still JSON`() async throws {
        try await withClient { sandbox, client, pair in
            sandbox.inject(.huge(bytes: 300_000), on: .grant(Self.key))
            let answer = try await client.refresh(Self.key, pair.presented)
            #expect(answer.body.count == 300_000)
            #expect(answer.value("access_token") == (try grant(sandbox).newest.access.reveal()))
        }
    }

    @Test func `the default huge answer has ten megabytes`() {
        #expect(SandboxFault.huge() == .huge(bytes: 10 << 20))
    }

    @Test(arguments: [(500, false), (503, true)])
    func `a server error comes before or after rotating`(_ status: Int, _ afterRotating: Bool) async throws {
        try await withClient { sandbox, client, pair in
            sandbox.inject(.serverError(status: status, afterRotating: afterRotating), on: .everything)
            let answer = try await client.refresh(Self.key, pair.presented)
            #expect(answer.status == status)
            #expect((try grant(sandbox).newest == pair) == !afterRotating)
        }
    }

    @Test func `a web page comes with status 200 and spends nothing`() async throws {
        try await withClient { sandbox, client, pair in
            sandbox.inject(.html(), on: .grant(Self.key))
            let answer = try await client.refresh(Self.key, pair.presented)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"]?.hasPrefix("text/html") == true)
            #expect(answer.text.hasPrefix("<!doctype html>"))
            #expect(try grant(sandbox).newest == pair)
        }
    }

    @Test func `a blank refresh token leaves the old one spent`() async throws {
        try await withClient { sandbox, client, pair in
            sandbox.inject(.blankRefreshToken, on: .grant(Self.key))
            let answer = try await client.refresh(Self.key, pair.presented)
            #expect(answer.json["refresh_token"] == .string(""))
            #expect(try await client.refresh(Self.key, pair.presented).value("hint") == "Token has been revoked")
        }
    }

    @Test func `an answer can lack its lifetime, its type, or an extension`() async throws {
        try await withClient { sandbox, client, pair in
            sandbox.inject(.missingExpiry, on: .grant(Self.key))
            let bare = try await client.refresh(Self.key, pair.presented)
            #expect(bare.status == 200 && bare.value("expires_in") == nil && bare.value("access_token") != nil)

            sandbox.inject(.wrongContentType, on: .grant(Self.key))
            let odd = try await client.refresh(Self.key, try grant(sandbox).newest.presented)
            #expect(odd.headers["content-type"] == "text/html" && odd.value("access_token") != nil)

            let before = try grant(sandbox).newest
            sandbox.inject(.notExtended, on: .grant(Self.key))
            _ = try await client.refresh(Self.key, before.presented)
            let after = try grant(sandbox).newest
            #expect(after.access != before.access && after.accessExpiresAt == before.accessExpiresAt)
        }
    }

    @Test func `lifetimes vanish and refresh tokens blank inside an envelope too`() async throws {
        try await withSandbox { sandbox in
            let key = SandboxGrantKey(.tiktokShop, "7")
            let pair = sandbox.issue(provider: .tiktokShop, account: "7")
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            sandbox.inject(.missingExpiry, on: .provider(.tiktokShop))
            let bare = try await client.refresh(key, pair.presented)
            #expect(bare.value("data.access_token_expire_in") == nil && bare.value("data.access_token") != nil)
            sandbox.inject(.blankRefreshToken, on: .provider(.tiktokShop))
            let newest = try #require(sandbox.grant(provider: .tiktokShop, account: "7")?.newest)
            #expect(try await client.refresh(key, newest.presented).value("data.refresh_token") == "")
        }
    }

    @Test func `an unpaid account and a refused app answer in the platform's words`() async throws {
        try await withClient { sandbox, client, pair in
            sandbox.inject(.suspended, on: .grant(Self.key))
            #expect(try await client.refresh(Self.key, pair.presented).status == 402)
            sandbox.inject(.appRejected, on: .app(clientID: "sandbox-amocrm"))
            let refused = try await client.refresh(Self.key, pair.presented)
            #expect(refused.value("detail") == "Авторизация клиента не прошла")
            sandbox.inject(.revoked, on: .grant(Self.key))
            #expect(try await client.refresh(Self.key, pair.presented).value("hint") == "Token has been revoked")
            #expect(try grant(sandbox).isRevoked)
        }
    }

    @Test func `faults end with their count, the newest goes first, scopes are kept apart`() async throws {
        try await withClient { sandbox, client, pair in
            let other = sandbox.issue(provider: .oauth2, account: "books")
            sandbox.inject(.serverError(status: 500), on: .provider(.amocrm), times: nil)
            sandbox.inject(.serverError(status: 502), on: .grant(Self.key), times: 2)
            var seen: [Int] = []
            for _ in 0..<4 { seen.append(try await client.refresh(Self.key, pair.presented).status) }
            #expect(seen == [502, 502, 500, 500])
            #expect(try await client.refresh(SandboxGrantKey(.oauth2, "books"), other.presented).status == 200)
            sandbox.removeFaults(on: .provider(.amocrm))
            #expect(try await client.refresh(Self.key, pair.presented).status == 200)
        }
    }

    @Test func `a changed secret is demanded at once`() async throws {
        try await withClient { sandbox, client, pair in
            var app = sandbox.app(of: .amocrm)
            app.clientSecrets = [Secret("new")]
            sandbox.setApp(app, of: .amocrm)
            let refused = try await client.refresh(Self.key, pair.presented)
            #expect(refused.status == 401)
            #expect(try await client.refresh(Self.key, pair.presented, app: app).status == 200)
        }
    }

    static let malformed = [
        "GET\r\n\r\n", "GET / HTTP/1.1\r\nbroken header\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]

    @Test(arguments: malformed)
    func `what is not plain HTTP gets 400 and a close`(_ text: String) async throws {
        try await withClient { _, client, _ in
            try await client.send(text)
            #expect(String(decoding: try await client.rest(), as: UTF8.self).hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func `an oversized body gets 413`() async throws {
        try await withClient { _, client, _ in
            try await client.send("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
            #expect(String(decoding: try await client.rest(), as: UTF8.self).hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func `a burst over many connections rotates every grant once and overlaps nothing`() async throws {
        try await withSandbox { sandbox in
            let keys = (0..<200).map { SandboxGrantKey(.oauth2, "account-\($0)") }
            let pairs = keys.map { sandbox.issue(provider: .oauth2, account: $0.account) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        let client = try await RawClient(port: sandbox.port)
                        defer { client.close() }
                        for index in stride(from: worker, to: keys.count, by: 8) {
                            let answer = try await client.refresh(keys[index], pairs[index].presented)
                            #expect(answer.status == 200)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let snapshot = sandbox.snapshot()
            #expect(snapshot.requests == 200 && snapshot.renewals == 200)
            #expect(snapshot.reuses == 0 && snapshot.overlaps == 0 && snapshot.unknownCredentials == 0)
        }
    }
}

extension String {
    fileprivate func components(of separator: String) -> [String] {
        guard let range = firstRange(of: separator) else { return [self] }
        return [String(self[..<range.lowerBound]), String(self[range.upperBound...])]
    }
}
