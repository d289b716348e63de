import Domain
import FoundationEssentials
import Reauthorization
import TestSupport
import Testing

@Suite("Flows as the catalogue describes them")
struct ProviderFlowTests {
    @Test func `Meta's short-lived token becomes a long-lived one before anything is stored`() async throws {
        let world = RepairWorld(channel: .broken(provider: "facebook", account: "100", scopes: ["pages_show_list"]))
        let provider = ScriptedHTTP([
            .answered(200, #"{"access_token":"EAAshort","token_type":"bearer","expires_in":3600}"#),
            .answered(200, #"{"access_token":"EAAlong","token_type":"bearer","expires_in":5184000}"#),
            .answered(
                200, #"{"data":{"is_valid":true,"user_id":"100","expires_at":1800000000,"scopes":["pages_show_list"]}}"#
            ),
        ])
        var browser = try Browser(world, provider: provider)
        let consent = try await browser.press()
        #expect(consent["code_challenge"] == nil, "the exchange could not present a verifier")
        #expect(consent["scope"] == "pages_show_list")
        let done = try await browser.get(consent.back("facebook"))
        #expect(done.status == 303, "\(done.html)")
        #expect(world.written.first?.credential.accessToken == Secret("EAAlong"))
        #expect(provider.requests.map(\.method) == ["GET", "GET", "GET"])
        #expect(provider.requests[1].url.reveal().contains("fb_exchange_token=EAAshort"))
        #expect(browser.journal.answers.count == 1)
    }

    @Test func `a second step that fails keeps the answer for the sweep`() async throws {
        let world = RepairWorld(channel: .broken(provider: "facebook", account: "100", scopes: []))
        let provider = ScriptedHTTP([
            .answered(200, #"{"access_token":"EAAshort","expires_in":3600}"#), .answered(503, ""),
            .answered(200, #"{"access_token":"EAAlong","expires_in":5184000}"#),
            .answered(200, #"{"data":{"is_valid":true,"user_id":"100","scopes":[]}}"#),
        ])
        var browser = try Browser(world, provider: provider)
        let page = try await browser.get(try await browser.press().back("facebook"))
        #expect(page.status == 202 && world.written.isEmpty)
        await browser.pages.sweep(heartbeats: Heartbeats()).sweep()
        #expect(world.written.first?.credential.accessToken == Secret("EAAlong"))
        #expect(provider.requests.filter { $0.url.reveal().contains("code=") }.count == 1, "the code was sent twice")
    }

    @Test(arguments: [(nil, true), ("dbid:b", false)])
    func `a stranger's grant is ended where that ends it alone and nobody uses the account`(
        _ holder: String?, _ revokes: Bool
    ) async throws {
        let world = RepairWorld(channel: .broken(provider: "dropbox", account: "dbid:a", scopes: []))
        if let holder { world.change { $0.holders = [holder] } }
        let provider = ScriptedHTTP([
            .answered(200, #"{"access_token":"sl.b","refresh_token":"rb","expires_in":14400,"account_id":"dbid:b"}"#),
            .answered(200, #"{"result":"ping"}"#), .answered(200, "null"),
        ])
        var browser = try Browser(world, provider: provider)
        let page = try await browser.get(try await browser.press().back("dropbox"))
        #expect(page.status == 403 && page.html.contains("You signed in as"), "\(page.html)")
        #expect(world.written.isEmpty && world.authorizations.map(\.state) == [.refused])
        let ends = provider.requests.filter { $0.url.reveal().contains("/token/revoke") }
        #expect(ends.count == (revokes ? 1 : 0))
    }

    @Test func `a stranger's consent that other tokens live on is left`() async throws {
        let world = RepairWorld(channel: .broken())
        let provider = ScriptedHTTP(
            otherwise: .answered(
                200,
                #"{"access_token":"a","refresh_token":"r","expires_in":86400,"open_id":"account-b","scope":"read"}"#))
        var browser = try Browser(world, provider: provider)
        #expect(try await browser.get(try await browser.press().back()).status == 403)
        #expect(provider.requests.count == 1)
    }

    private static let amo = #"{"access_token":"a","refresh_token":"r","expires_in":86400,"token_type":"Bearer"}"#

    @Test(arguments: [
        ("evil.example", false), ("acme.amocrm.ru.evil.example", false), ("evil.example/.amocrm.ru", false),
        ("other.amocrm.ru", false), ("ACME.amocrm.ru", false), ("acme@evil.amocrm.ru", false),
        (".amocrm.ru", false), ("acme.kommo.com", false), ("acme.amocrm.ru", true),
    ])
    func `a code goes to no host but the channel's own`(_ referer: String, _ isGood: Bool) async throws {
        var channel = Channel.broken(provider: "amocrm", account: nil, scopes: [])
        channel.parameters = ["subdomain": "acme"]
        let world = RepairWorld(channel: channel)
        var browser = try Browser(world, provider: ScriptedHTTP(otherwise: .answered(200, Self.amo)))
        let consent = try await browser.press()
        #expect(consent["redirect_uri"] == nil && consent["mode"] == "popup")
        let encoded = referer.replacing("/", with: "%2F").replacing("@", with: "%40")
        let page = try await browser.get(consent.back("amocrm", more: "&referer=\(encoded)"))
        #expect(page.status == (isGood ? 303 : 400), "\(page.html)")
        let hosts = browser.provider.requests.map { "\($0)" }
        #expect(hosts == (isGood ? ["POST acme.amocrm.ru"] : []))
    }

    @Test func `an app's own redirect address on this host is served, one elsewhere is not begun`() async throws {
        var channel = Channel.broken(provider: "amocrm", account: nil, scopes: [])
        channel.parameters = ["subdomain": "acme"]
        let own = "https://tokens.example.com/api/amo/back"
        let world = RepairWorld(channel: channel, redirectURI: own)
        var browser = try Browser(
            world, provider: ScriptedHTTP([.answered(200, Self.amo)]), redirectURIs: [own])
        let consent = try await browser.press()
        let wrong = try await browser.get(consent.back("amocrm"))
        #expect(wrong.status == 403)
        let again = try await browser.press()
        let back = again.back("amocrm").replacing("/oauth/callback/amocrm", with: "/api/amo/back")
        #expect(try await browser.get(back).status == 303)

        world.change {
            $0.closedAt = nil
            $0.channel = channel
            $0.app?.redirectURI = "https://elsewhere.example/back"
        }
        #expect(try await browser.get(browser.link).html.contains("not on this host"))
    }

    private static func identityToken(_ claims: String) -> String {
        let payload = Base64URL.text(Array(claims.utf8))
        return #"{"access_token":"a","refresh_token":"r","expires_in":60,"id_token":"e30.\#(payload).c2ln"}"#
    }

    @Test(arguments: [
        ("this sign-in", "client-1", nil as String?, 303), ("another app", "client-9", nil, 403),
        ("another sign-in", "client-1", "not-ours", 403),
    ])
    func `an identity token counts for this app and this sign-in`(
        _ what: String, _ audience: String, _ nonce: String?, _ status: Int
    ) async throws {
        let world = RepairWorld(channel: .broken(provider: "oidc", account: "u-1", scopes: ["openid"]))
        let provider = ScriptedHTTP()
        var browser = try Browser(
            world, provider: provider,
            catalogue: """
                schema_version: 1
                providers:
                  oidc:
                    extends: rfc6749
                    name: OIDC
                    connection_params: {}
                    endpoints: {authorize: "https://id.example/auth", token: "https://id.example/token"}
                """)
        let consent = try await browser.press()
        let asked = try #require(consent["nonce"])
        provider.append(
            .answered(
                200, Self.identityToken(#"{"sub":"u-1","aud":"\#(audience)","nonce":"\#(nonce ?? asked)"}"#)))
        #expect(try await browser.get(consent.back("oidc")).status == status)
        #expect(world.written.count == (status == 303 ? 1 : 0))
    }
}
