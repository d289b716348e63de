import Domain
import FoundationEssentials
import Testing

@testable import Sandbox

@Suite("Control endpoint, consent page, catalogue overlay")
struct ControlTests {
    @Test func `a fault set over HTTP is listed, played and cleared`() async throws {
        try await withSandbox { sandbox in
            let key = SandboxGrantKey(.youtube, "UC1")
            let pair = sandbox.issue(provider: .youtube, account: "UC1")
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let order = #"{"fault": "serverError", "status": 502, "provider": "youtube", "account": "UC1", "times": 2}"#
            #expect(try await client.request("POST", "/_sandbox/faults", body: order).value("id") == "1")
            #expect(try await client.refresh(key, pair.presented).status == 502)
            let list = try await client.request("GET", "/_sandbox/faults")
            #expect(
                list.text
                    == #"{"faults":[{"id":1,"fault":"serverError","times":1,"provider":"youtube","account":"UC1"}]}"#)
            _ = try await client.request("DELETE", "/_sandbox/faults")
            #expect(try await client.refresh(key, pair.presented).status == 200)
        }
    }

    static let misread = [
        "", "[]", #"{"fault": "meteor"}"#, #"{"fault": "html", "provider": "myspace"}"#,
        #"{"fault": "html", "account": "UC1"}"#,
    ]

    @Test(arguments: misread)
    func `an order that cannot be read is explained`(_ order: String) async throws {
        try await withSandbox { sandbox in
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let answer = try await client.request("POST", "/_sandbox/faults", body: order)
            #expect(answer.status == 400)
            #expect(answer.value("error")?.isEmpty == false)
        }
    }

    @Test(arguments: [
        "revoked", "rateLimited", "appRejected", "suspended", "serverError", "html", "cut", "dripping", "huge", "slow",
        "hang", "closed", "closedAfterReuse", "blankRefreshToken", "wrongContentType", "missingExpiry", "notExtended",
    ])
    func `every fault has a name on the wire`(_ name: String) throws {
        let order = try FaultOrder.read(Array(#"{"fault": "\#(name)", "forever": true}"#.utf8)).get()
        #expect(order.fault.name == name)
        #expect(order.times == nil)
    }

    @Test func `the state shows digests and never a token`() async throws {
        try await withSandbox { sandbox in
            let pair = sandbox.issue(provider: .kommo, account: "leads")
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let answer = try await client.request("GET", "/_sandbox/grants")
            #expect(answer.text.contains(tokenDigest(pair.access.reveal())))
            #expect(!answer.text.contains(pair.access.reveal()))
            #expect(!answer.text.contains(pair.presented.reveal()))
        }
    }

    @Test func `the consent page leads to a code that works once, with PKCE`() async throws {
        try await withSandbox { sandbox in
            sandbox.issue(provider: .oauth2, account: "books & co", lifetime: .seconds(30))
            sandbox.revoke(provider: .oauth2, account: "books & co")
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let query = "redirect_uri=https%3A%2F%2Fapp.test%2Fcb&state=s1&code_challenge=\(pkceChallenge("verifier"))"
            let page = try await client.request("GET", "/oauth2/authorize?\(query)")
            #expect(page.text.contains("Allow as books &amp; co"))
            let allowed = try await client.request("GET", "/oauth2/authorize/allow?account=books%20%26%20co&\(query)")
            #expect(allowed.status == 302)
            let location = try #require(allowed.headers["location"])
            #expect(location.hasPrefix("https://app.test/cb?code=code-") && location.hasSuffix("&state=s1"))
            let code = WireParameters(formEncoded: String(location.split(separator: "?")[1]))["code"] ?? ""

            let form = ["Content-Type": "application/x-www-form-urlencoded"]
            let body =
                "grant_type=authorization_code&code=\(code)&redirect_uri=https%3A%2F%2Fapp.test%2Fcb"
                + "&client_id=sandbox-oauth2&client_secret=sandbox-secret&code_verifier=verifier"
            let exchanged = try await client.request("POST", "/oauth2/token", headers: form, body: body)
            #expect(exchanged.value("expires_in") == "30")
            let grant = try #require(sandbox.grant(provider: .oauth2, account: "books & co"))
            #expect(exchanged.value("refresh_token") == grant.newest.refresh?.reveal())
            #expect(!grant.isRevoked)
            #expect(try await client.request("POST", "/oauth2/token", headers: form, body: body).status == 400)
        }
    }

    @Test func `a wrong verifier, a denial and a header injection bring no token`() async throws {
        try await withSandbox { sandbox in
            let code = sandbox.authorizationCode(
                provider: .oauth2, account: "books", challenge: pkceChallenge("right"))
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let answer = try await client.request(
                "POST", "/oauth2/token", headers: ["Content-Type": "application/x-www-form-urlencoded"],
                body: "grant_type=authorization_code&code=\(code)&client_id=sandbox-oauth2"
                    + "&client_secret=sandbox-secret&code_verifier=wrong")
            #expect(answer.value("error") == "invalid_grant")
            let denied = try await client.request("GET", "/oauth2/authorize/deny?redirect_uri=http%3A%2F%2Fa&state=z")
            #expect(denied.headers["location"] == "http://a?error=access_denied&state=z")
            let injected = try await client.request(
                "GET", "/oauth2/authorize/allow?account=a&redirect_uri=http%3A%2F%2Fa%0D%0AX%3A%20y")
            #expect(injected.status == 400)
        }
    }

    @Test func `amoCRM's consent names the account's host`() async throws {
        let app = SandboxApp(
            clientID: "id", clientSecrets: [Secret("s")], redirectURI: "https://app.test/oauth/callback/amocrm")
        try await withSandbox(SandboxProvider(apps: [.amocrm: app])) { sandbox in
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let answer = try await client.request("GET", "/amocrm/authorize/allow?account=bakery&state=s")
            #expect(answer.headers["location"]?.hasSuffix("&state=s&referer=bakery.amocrm.ru") == true)
        }
    }

    @Test func `the overlay names every platform on the bound port`() async throws {
        try await withSandbox { sandbox in
            let overlay = sandbox.catalogueOverlay()
            for platform in SandboxPlatform.allCases { #expect(overlay.contains("\n  \(platform.rawValue):\n")) }
            let address = "http://127.0.0.1:\(sandbox.port)"
            #expect(overlay.contains("token: \"\(address)/amocrm/{conn.subdomain}/oauth2/access_token\""))
            #expect(overlay.contains("inspect: \"\(address)/whatsapp/{var.api_version}/debug_token\""))
            #expect(!sandbox.catalogueOverlay(hurried: false).contains("policy:"))
        }
    }
}
