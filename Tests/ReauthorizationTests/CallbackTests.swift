import Domain
import FoundationEssentials
import Reauthorization
import Sealing
import TestSupport
import Testing

@Suite("From the button to the grant")
struct CallbackTests {
    static let tokens = """
        {"access_token":"act.new","refresh_token":"rft.new","expires_in":86400,"open_id":"account-a","scope":"read",
         "token_type":"Bearer"}
        """

    @Test func `one consent makes a new grant, and the page is green`() async throws {
        let world = RepairWorld(channel: .broken())
        var browser = try Browser(world, provider: ScriptedHTTP([.answered(200, Self.tokens)]))
        let consent = try await browser.press()
        #expect(consent.address.hasPrefix("https://www.tiktok.com/v2/auth/authorize/?client_key=client-1&"))
        #expect(consent["code_challenge_method"] == "S256" && consent["scope"] == "read")
        #expect(consent["redirect_uri"] == "https://tokens.example.com/oauth/callback/tiktok")
        let set = browser.cookies[0]
        #expect(set.name.hasPrefix("__Host-tokenward-flow-"))
        let done = try await browser.get(consent.back())
        #expect(done.status == 303 && done.all("Location") == [browser.link], "\(done.html)")
        #expect(browser.cookies.isEmpty)
        let page = try await browser.get(browser.link)
        #expect(page.html.contains("is well again"))

        let grant = try #require(world.written.first)
        #expect(grant.credential.accessToken == Secret("act.new") && grant.credential.refreshToken == Secret("rft.new"))
        #expect(grant.accessExpiresAt == browser.clock.now + 86400 && grant.dueAt != nil)
        #expect(world.authorizations.map(\.state) == [.stored])
        let request = try #require(browser.provider.requests.first)
        let body = String(decoding: request.body, as: UTF8.self)
        #expect(request.url.reveal() == "https://open.tiktokapis.com/v2/oauth/token/")
        #expect(body.contains("code=code-1") && body.contains("client_secret=client-secret-1"))
        #expect(body.contains("code_verifier="))
        #expect(browser.provider.limits.first?.total == .seconds(30))
        #expect(
            browser.journal.answers.map(\.key) == [.authorization(1)] && browser.journal.done == [.authorization(1)])
    }

    @Test func `the flow's cookie is sealed, of this host, and ends after ten minutes`() async throws {
        var browser = try Browser(RepairWorld(channel: .broken()))
        let answer = try await browser.post(browser.link)
        let cookie = try #require(answer.all("Set-Cookie").first)
        for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=600"] {
            #expect(cookie.contains(part), "\(cookie)")
        }
        let consent = Consent(address: answer.all("Location")[0])
        #expect(!cookie.contains(consent["state"]?.split(separator: ".").last ?? "") && !cookie.contains("shop"))
    }

    @Test func `five flows at a time, the oldest makes room`() async throws {
        var browser = try Browser(RepairWorld(channel: .broken()))
        var first: String?
        for _ in 0..<7 {
            _ = try await browser.press()
            first = first ?? browser.cookies.first?.name
        }
        #expect(browser.cookies.count == 5 && !browser.cookies.contains { $0.name == first })
    }

    /// Everything that must change nothing and send nothing.
    @Test(arguments: [
        "forged state", "other browser", "state of another flow", "expired", "replayed", "two states", "two codes",
        "no code", "denied", "another provider's path", "mixed-up issuer", "two issuers", "repaired meanwhile",
        "app changed",
        "journal full", "database down", "foreign cookie", "code too long",
    ])
    func `is refused before anything is sent`(_ trick: String) async throws {
        let world = RepairWorld(channel: .broken())
        var browser = try Browser(world, provider: ScriptedHTTP(otherwise: .answered(200, Self.tokens)))
        let consent = try await browser.press()
        var target = consent.back()
        var sentBefore = 0
        switch trick {
        case "forged state":
            target = target.replacing(consent["state"] ?? "", with: (consent["state"] ?? "").dropLast(2) + "xx")
        case "other browser": browser.cookies = []
        case "state of another flow":
            let other = try await browser.press()
            let mixed = (consent["state"] ?? "").prefix(12) + "." + (other["state"] ?? "").split(separator: ".")[1]
            target = target.replacing(consent["state"] ?? "", with: mixed)
        case "expired": browser.clock.advance(601)
        case "replayed":
            let kept = browser.cookies
            world.change { $0.holders = ["account-a"] }
            _ = try await browser.get(target)
            sentBefore = 1
            browser.cookies = kept
        case "two states": target += "&state=" + (consent["state"] ?? "")
        case "two codes": target += "&code=code-2"
        case "no code": target = target.replacing("code=code-1&", with: "")
        case "denied": target = target.replacing("code=code-1", with: "error=access_denied&error_description=%3Cb%3ENo")
        case "another provider's path": target = target.replacing("/tiktok", with: "/youtube")
        case "mixed-up issuer": target += "&iss=https%3A%2F%2Fevil.example"
        case "two issuers": target += "&iss=https%3A%2F%2Fwww.tiktok.com&iss=https%3A%2F%2Fevil.example"
        case "repaired meanwhile": world.change { $0.grant = 9 }
        case "app changed": world.change { $0.app?.clientID = "client-2" }
        case "journal full": browser.journal.fill()
        case "database down": world.change { $0.isDatabaseDown = true }
        case "foreign cookie":
            let stranger = try testRing("k9").text
            browser.cookies = browser.cookies.map { ($0.name, stranger) }
        case "code too long": target = target.replacing("code-1", with: String(repeating: "c", count: 5000))
        default: Issue.record("unknown trick")
        }
        let page = try await browser.get(target)
        #expect(page.status >= 400 && page.html.contains("<h1>"), "\(page.status) \(page.html)")
        #expect(!page.html.contains("<b>No"))
        #expect(world.written.isEmpty && browser.provider.requests.count == sentBefore)
        #expect(browser.journal.reserved == 0)
    }

    @Test func `an issuer that is the server's own passes`() async throws {
        let world = RepairWorld(channel: .broken())
        var browser = try Browser(world, provider: ScriptedHTTP([.answered(200, Self.tokens)]))
        let consent = try await browser.press()
        let page = try await browser.get(consent.back(more: "&iss=https%3A%2F%2Fwww.tiktok.com"))
        #expect(page.status == 303 && world.written.count == 1, "\(page.html)")
    }

    @Test func `a code is redeemed once, and a second answer of a flow that went well frightens nobody`() async throws {
        let world = RepairWorld(channel: .broken())
        var browser = try Browser(world, provider: ScriptedHTTP(otherwise: .answered(200, Self.tokens)))
        let consent = try await browser.press()
        let kept = browser.cookies
        #expect(try await browser.get(consent.back()).status == 303)
        browser.cookies = kept
        #expect(try await browser.get(consent.back()).all("Location") == [browser.link])
        #expect(browser.provider.requests.count == 1 && world.written.count == 1)
    }

    /// Answers of the provider that change nothing.
    @Test(arguments: [
        ("wrong account", tokens.replacing("account-a", with: "account-b<i>"), 200, 403, "You signed in as"),
        ("missing scope", tokens.replacing("\"read\"", with: "\"other\""), 200, 400, "<strong>read</strong>"),
        ("no refresh token", tokens.replacing("\"refresh_token\":\"rft.new\",", with: ""), 200, 400, "lasting access"),
        (
            "account unproven", tokens.replacing("\"open_id\":\"account-a\",", with: ""), 200, 403,
            "could not be checked"
        ),
        ("refused code", #"{"error":"invalid_grant","error_description":"<u>Used</u> code"}"#, 400, 400, "refused"),
        ("refused code in a 200", #"{"error":"invalid_grant","error_description":"x"}"#, 200, 400, "refused"),
        ("refused app", #"{"error":"invalid_client"}"#, 401, 502, "does not accept the app"),
        ("gateway page", "<html>502</html>", 502, 502, "did not answer"),
        ("nothing usable", "{}", 200, 502, "did not answer"),
    ])
    func `leaves the channel as it was`(
        _ what: String, _ body: String, _ status: Int, _ shown: Int, _ words: String
    ) async throws {
        let world = RepairWorld(channel: .broken())
        var browser = try Browser(world, provider: ScriptedHTTP(otherwise: .answered(status, body)))
        let page = try await browser.get(try await browser.press().back())
        #expect(page.status == shown && page.html.contains(words), "\(page.status) \(page.html)")
        #expect(!page.html.contains("<i>") && !page.html.contains("<u>"))
        #expect(world.written.isEmpty && world.authorizations.map(\.state) == [.refused])
    }

    @Test func `an account of another channel is not taken`() async throws {
        let world = RepairWorld(channel: .broken())
        world.change { $0.holders = ["account-a"] }
        var browser = try Browser(world, provider: ScriptedHTTP([.answered(200, Self.tokens)]))
        let page = try await browser.get(try await browser.press().back())
        #expect(page.status == 409 && page.html.contains("connected already") && world.written.isEmpty)
    }

    @Test func `a lost answer changes nothing and says so`() async throws {
        let world = RepairWorld(channel: .broken())
        var browser = try Browser(world, provider: ScriptedHTTP([.lost()]))
        let page = try await browser.get(try await browser.press().back())
        #expect(page.status == 502 && world.written.isEmpty && browser.journal.reserved == 0)
    }

    @Test func `an answer that the database does not take is journalled and finished by the sweep`() async throws {
        let world = RepairWorld(channel: .broken())
        let provider = ScriptedHTTP([
            .reply { _ in
                world.change { $0.isDatabaseDown = true }
                return .answered(
                    IncomingResponse(
                        status: 200, headers: [HeaderField("content-type", "application/json")],
                        body: Array(Self.tokens.utf8)))
            }
        ])
        var browser = try Browser(world, provider: provider)
        let page = try await browser.get(try await browser.press().back())
        #expect(page.status == 202 && page.html.contains("Almost done"), "\(page.html)")
        #expect(browser.journal.answers.count == 1 && browser.journal.done.isEmpty && world.written.isEmpty)
        world.change { $0.isDatabaseDown = false }
        await browser.pages.sweep(heartbeats: Heartbeats()).sweep()
        #expect(world.written.count == 1 && browser.journal.done == [.authorization(1)])
    }

    @Test(arguments: [
        "https://evil.example/", "//evil.example", "https://tokens.example.com.evil.example/x",
        "https://tokens.example.com@evil.example",
    ])
    func `no parameter leads anywhere else`(_ address: String) async throws {
        var browser = try Browser(RepairWorld(channel: .broken()))
        let encoded = address.replacing("/", with: "%2F").replacing(":", with: "%3A")
        for name in ["return", "next", "redirect_uri", "url"] {
            let page = try await browser.send("POST", browser.link + "?\(name)=\(encoded)", form: "\(name)=\(encoded)")
            #expect(page.all("Location").allSatisfy { $0.hasPrefix("https://www.tiktok.com/") && !$0.contains("evil") })
            let signedIn = try await browser.post(browser.link + "/sign-in", "token=admin-token&\(name)=\(encoded)")
            #expect(signedIn.all("Location") == [browser.link])
        }
    }
}

extension KeyRing {
    /// A cookie's text that this ring alone opens.
    fileprivate var text: String {
        get throws {
            try Ticket(
                channel: "c", tenant: "t", user: nil, provider: "p", name: nil, params: [:], grant: nil, actor: "a",
                expiresAt: Date()
            ).text(sealedWith: self)
        }
    }
}
