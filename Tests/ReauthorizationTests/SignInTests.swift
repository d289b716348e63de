import Domain
import FoundationEssentials
import Reauthorization
import Sealing
import TestSupport
import Testing

@Suite("Signing in, connecting and pasting")
struct SignInTests {
    @Test func `without a known account only an administrator may begin`() async throws {
        let world = RepairWorld(channel: .broken(account: nil))
        var browser = try Browser(world, provider: ScriptedHTTP([.answered(200, CallbackTests.tokens)]))
        let page = try await browser.get(browser.link)
        #expect(page.html.contains("/sign-in") && !page.html.contains("Continue to"), "\(page.html)")
        #expect(try await browser.post(browser.link).status == 200 && browser.cookies.isEmpty)
        for token in ["", "wrong", RepairWorld.stranger] {
            #expect(try await browser.signIn(token).status == 403 && browser.cookies.isEmpty, "\(token)")
        }
        let signedIn = try await browser.signIn()
        #expect(signedIn.status == 303 && signedIn.all("Location") == [browser.link])
        #expect(try await browser.get(browser.link).html.contains("Continue to TikTok"))
        let done = try await browser.get(try await browser.press().back())
        #expect(done.status == 303 && world.written.count == 1)
        #expect(world.authorizations.first?.target.actor == "root")
    }

    @Test func `a session ends after an hour, and with its token`() async throws {
        var browser = try Browser(RepairWorld(channel: .broken(account: nil)))
        let set = try await browser.signIn(RepairWorld.tenant).all("Set-Cookie").joined()
        #expect(set.contains("__Host-tokenward-session=") && set.contains("HttpOnly") && !set.contains("acme-token"))
        #expect(try await browser.get(browser.link).html.contains("Continue to"))
        browser.clock.advance(3601)
        #expect(!(try await browser.get(browser.link).html.contains("Continue to")))
    }

    @Test func `signing in is tried ten times a minute`() async throws {
        var browser = try Browser(RepairWorld(channel: .broken(account: nil)))
        var statuses: [Int] = []
        for _ in 0..<12 { statuses.append(try await browser.signIn("wrong").status) }
        #expect(statuses.filter { $0 == 403 }.count == 10 && statuses.last == 429)
    }

    @Test func `a connection link needs no sign-in, connects once and ends after a day`() async throws {
        let world = RepairWorld(channel: nil)
        var browser = try Browser(world, provider: ScriptedHTTP(otherwise: .answered(200, CallbackTests.tokens)))
        let ticket = Ticket(
            channel: "ch_new", tenant: "acme", user: "maria", provider: "tiktok", name: "New <shop>", params: [:],
            grant: nil, actor: "api", expiresAt: browser.clock.now + Ticket.lifetime)
        let path = "/connect/" + (try ticket.text(sealedWith: browser.ring))
        let page = try await browser.get(path)
        #expect(page.status == 200 && page.html.contains("Connect TikTok") && !page.html.contains("<shop>"))
        let done = try await browser.get(try await browser.press(path).back())
        #expect(done.status == 303 && done.all("Location") == [path], "\(done.html)")
        let target = try #require(world.authorizations.first).target
        #expect(target.isConnection && target.channelID == "ch_new" && target.userID == "maria")
        // The ticket opens nothing else.
        #expect(try await browser.get(path.replacing("/connect/", with: "/reauthorize/")).status == 404)
        browser.clock.advance(Ticket.lifetime + 1)
        #expect(try await browser.get(path).status == 410)
    }

    @Test func `an administrator pastes tokens, which the provider is asked about first`() async throws {
        let world = RepairWorld(channel: .broken(provider: "youtube", account: nil, scopes: []))
        let provider = ScriptedHTTP([
            .answered(400, #"{"error":"invalid_token"}"#), .answered(200, #"{"exp":"1795251600","scope":"read"}"#),
        ])
        var browser = try Browser(world, provider: provider)
        let form = "access_token=ya29.new&refresh_token=1%2F%2Fnew"
        #expect(try await browser.post(browser.link + "/tokens", form).status == 403)
        _ = try await browser.signIn()
        #expect(try await browser.get(browser.link).html.contains("name=\"refresh_token\""))
        let missing = try await browser.post(browser.link + "/tokens", "access_token=a")
        #expect(missing.status == 400 && missing.html.contains("missing"))
        let dead = try await browser.post(browser.link + "/tokens", form)
        #expect(dead.status == 400 && dead.html.contains("does not work") && world.written.isEmpty, "\(dead.html)")
        #expect(try await browser.post(browser.link + "/tokens", form).status == 303)
        let grant = try #require(world.written.first)
        #expect(grant.credential.refreshToken == Secret("1//new"))
        #expect(grant.accessExpiresAt == Date(timeIntervalSince1970: 1_795_251_600))
    }
}
