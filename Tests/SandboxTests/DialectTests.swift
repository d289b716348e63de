import Domain
import FoundationEssentials
import Synchronization
import Testing

@testable import Sandbox

@Suite("Wire forms of the platforms")
struct DialectTests {
    static let accounts: [SandboxGrantKey] = SandboxPlatform.allCases.map { SandboxGrantKey($0, "bakery") }

    /// Where the new access token, refresh token and lifetime stand in a 200 answer.
    static func paths(_ platform: SandboxPlatform) -> (access: String, refresh: String?, expiry: String) {
        switch platform {
        case .oauth2, .amocrm, .kommo: ("access_token", "refresh_token", "expires_in")
        case .youtube, .googleAds, .instagram, .facebook, .facebookAds, .whatsapp:
            ("access_token", nil, "expires_in")
        case .tiktok: ("access_token", "refresh_token", "expires_in")
        case .tiktokLegacy: ("data.access_token", "data.refresh_token", "data.expires_in")
        case .tiktokShop: ("data.access_token", "data.refresh_token", "data.access_token_expire_in")
        }
    }

    @Test(arguments: accounts)
    func `a refresh answers in the platform's form and the sandbox knows the new pair`(_ key: SandboxGrantKey)
        async throws
    {
        try await withSandbox { sandbox in
            let old = sandbox.issue(
                provider: key.provider, account: key.account, lifetime: .seconds(90), scopes: ["a", "b"])
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let answer = try await client.refresh(key, old.presented)
            let newest = try #require(sandbox.grant(provider: key.provider, account: key.account)?.newest)
            let paths = Self.paths(key.provider)

            #expect(answer.status == 200)
            #expect(answer.headers["content-type"]?.hasPrefix("application/json") == true)
            #expect(answer.value(paths.access) == newest.access.reveal())
            #expect(newest.access != old.access)
            if let path = paths.refresh {
                #expect(answer.value(path) == newest.refresh?.reveal())
                #expect(newest.refresh != old.refresh)
            } else {
                #expect(newest.refresh == old.refresh)
                #expect(!answer.text.contains("refresh_token"))
            }
            let lifetime = try #require(answer.value(paths.expiry).flatMap(Double.init))
            if key.provider == .tiktokShop {
                #expect(abs(lifetime - newest.accessExpiresAt.timeIntervalSince1970) <= 1)
            } else {
                #expect(lifetime == 90)
            }
        }
    }

    @Test(arguments: accounts)
    func `a spent credential is counted and refused where the platform rotates`(_ key: SandboxGrantKey) async throws {
        try await withSandbox { sandbox in
            let old = sandbox.issue(provider: key.provider, account: key.account)
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            _ = try await client.refresh(key, old.presented)
            let second = try await client.refresh(key, old.presented)
            let grant = try #require(sandbox.grant(provider: key.provider, account: key.account))
            #expect(grant.requests == 2)
            switch key.provider.behaviour.rotation {
            case .never:
                #expect(second.status == 200 && grant.reuses == 0 && grant.renewals == 2)
            case .exchange:
                #expect(second.status == 200 && grant.reuses == 1 && grant.renewals == 2)
            case .always:
                #expect(grant.reuses == 1 && grant.renewals == 1)
                #expect(second.value(Self.paths(key.provider).access) == nil)
            }
            #expect(grant.overlaps == 0 && grant.inFlight == 0 && grant.inFlightMax == 1)
        }
    }

    /// Status, and values by path, of a dead grant.
    static let dead: [(SandboxPlatform, Int, [String: String])] = [
        (.oauth2, 400, ["error": "invalid_grant"]),
        (.youtube, 400, ["error": "invalid_grant", "error_description": "Token has been expired or revoked."]),
        (.googleAds, 400, ["error": "invalid_grant"]),
        (.facebook, 400, ["error.code": "190", "error.error_subcode": "458", "error.type": "OAuthException"]),
        (.facebookAds, 400, ["error.code": "190"]),
        (.whatsapp, 400, ["error.code": "190"]),
        (.instagram, 400, ["error.code": "190"]),
        (.tiktok, 200, ["error": "invalid_grant"]),
        (.tiktokLegacy, 200, ["message": "error", "data.error_code": "10010"]),
        (.tiktokShop, 200, ["code": "36004005", "message": "can not find related auth record"]),
        (.amocrm, 401, ["hint": "Token has been revoked", "status": "401", "title": "Некорректный запрос"]),
        (.kommo, 401, ["hint": "Token has been revoked"]),
    ]

    @Test(arguments: dead)
    func `a revoked grant is told as the platform does until it is issued anew`(
        _ platform: SandboxPlatform, _ status: Int, _ values: [String: String]
    ) async throws {
        try await withSandbox { sandbox in
            let key = SandboxGrantKey(platform, "bakery")
            let pair = sandbox.issue(provider: platform, account: "bakery")
            #expect(sandbox.revoke(provider: platform, account: "bakery"))
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let answer = try await client.refresh(key, pair.presented)
            #expect(answer.status == status)
            for (path, value) in values { #expect(answer.value(path) == value) }
            #expect(sandbox.grant(provider: platform, account: "bakery")?.renewals == 0)

            let renewed = sandbox.issue(provider: platform, account: "bakery")
            #expect(try await client.refresh(key, renewed.presented).value(Self.paths(platform).access) != nil)
        }
    }

    static let wrongClient: [(SandboxPlatform, Int, [String: String])] = [
        (.oauth2, 401, ["error": "invalid_client"]),
        (.youtube, 401, ["error": "invalid_client"]),
        (.facebook, 400, ["error.message": "Error validating client secret.", "error.code": "1"]),
        (.tiktok, 200, ["error": "invalid_client"]),
        (.tiktokLegacy, 200, ["data.error_code": "10003"]),
        (.tiktokShop, 400, ["code": "36009004"]),
        (.amocrm, 401, ["title": "Некорректный клиент", "detail": "Авторизация клиента не прошла"]),
    ]

    @Test(arguments: wrongClient)
    func `an unknown app is refused and the token survives`(
        _ platform: SandboxPlatform, _ status: Int, _ values: [String: String]
    ) async throws {
        try await withSandbox { sandbox in
            let key = SandboxGrantKey(platform, "bakery")
            let pair = sandbox.issue(provider: platform, account: "bakery")
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let stranger = SandboxApp(clientID: "stranger", clientSecrets: [Secret("wrong")])
            let answer = try await client.refresh(key, pair.presented, app: stranger)
            #expect(answer.status == status)
            for (path, value) in values { #expect(answer.value(path) == value) }
            #expect(sandbox.grant(provider: platform, account: "bakery")?.newest == pair)
        }
    }

    static let throttled: [(SandboxPlatform, Int, [String: String])] = [
        (.oauth2, 429, ["error": "too_many_requests"]),
        (.youtube, 429, ["error.status": "RESOURCE_EXHAUSTED"]),
        (.facebook, 400, ["error.code": "4", "error.is_transient": "true"]),
        (.instagram, 400, ["error.code": "4"]),
        (.tiktok, 429, ["error": "rate_limit_exceeded"]),
        (.tiktokLegacy, 429, ["message": "Too Many Requests"]),
        (.tiktokShop, 429, ["code": "36009002"]),
        (.amocrm, 429, ["retry_after": "7"]),
    ]

    @Test(arguments: throttled)
    func `a throttled request says when to come back`(
        _ platform: SandboxPlatform, _ status: Int, _ values: [String: String]
    ) async throws {
        try await withSandbox { sandbox in
            let key = SandboxGrantKey(platform, "bakery")
            let pair = sandbox.issue(provider: platform, account: "bakery")
            sandbox.inject(.rateLimited(retryAfter: .seconds(7)), on: .provider(platform), times: 1)
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let answer = try await client.refresh(key, pair.presented)
            #expect(answer.status == status)
            for (path, value) in values { #expect(answer.value(path) == value) }
            if status == 429 {
                #expect(answer.headers["retry-after"] == "7")
            } else {
                #expect(
                    answer.headers["x-business-use-case-usage"]?.contains("\"estimated_time_to_regain_access\":1")
                        == true)
            }
            #expect(try await client.refresh(key, pair.presented).value(Self.paths(platform).access) != nil)
        }
    }

    @Test func `expired access tokens cannot be exchanged at Meta`() async throws {
        let time = Mutex(Date(timeIntervalSince1970: 1_760_000_000))
        try await withSandbox(SandboxProvider(now: { time.withLock { $0 } })) { sandbox in
            let pair = sandbox.issue(provider: .facebook, account: "1", lifetime: .seconds(60))
            time.withLock { $0 += 61 }
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let answer = try await client.refresh(SandboxGrantKey(.facebook, "1"), pair.access)
            #expect(answer.status == 400)
            #expect(answer.value("error.error_subcode") == "463")
        }
    }

    @Test func `debug_token tells a live token, a dead one and a wrong app`() async throws {
        try await withSandbox { sandbox in
            let pair = sandbox.issue(provider: .whatsapp, account: "100", scopes: ["whatsapp_business_management"])
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let path = "/whatsapp/v23.0/debug_token?input_token=\(pair.access.reveal())&access_token="
            let live = try await client.request("GET", path + "sandbox-meta%7Csandbox-secret")
            #expect(live.value("data.is_valid") == "true")
            #expect(live.value("data.user_id") == "100")
            #expect(live.value("data.expires_at") == "\(Int(pair.accessExpiresAt.timeIntervalSince1970))")
            let strange = try await client.request("GET", path + "sandbox-meta%7Cwrong")
            #expect(strange.value("error.code") == "101")
            sandbox.revoke(provider: .whatsapp, account: "100")
            let dead = try await client.request("GET", path + "sandbox-meta%7Csandbox-secret")
            #expect(dead.status == 200)
            #expect(dead.value("data.is_valid") == "false")
            #expect(dead.value("data.error.code") == "190")
        }
    }

    @Test func `introspection and revocation follow RFC 7662 and 7009`() async throws {
        try await withSandbox { sandbox in
            let pair = sandbox.issue(provider: .oauth2, account: "books")
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let form = ["Content-Type": "application/x-www-form-urlencoded"]
            let tail = "&client_id=sandbox-oauth2&client_secret=sandbox-secret"
            let live = try await client.request(
                "POST", "/oauth2/introspect", headers: form, body: "token=\(pair.access.reveal())" + tail)
            #expect(live.value("active") == "true")
            let revoked = try await client.request(
                "POST", "/oauth2/revoke", headers: form, body: "token=\(pair.presented.reveal())" + tail)
            #expect(revoked.status == 200)
            let dead = try await client.request(
                "POST", "/oauth2/introspect", headers: form, body: "token=\(pair.access.reveal())" + tail)
            #expect(dead.value("active") == "false")
        }
    }

    @Test func `amoCRM refuses a form, a missing redirect_uri and another account's host`() async throws {
        try await withSandbox { sandbox in
            let key = SandboxGrantKey(.amocrm, "bakery")
            let pair = sandbox.issue(provider: .amocrm, account: "bakery")
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let path = "/amocrm/bakery/oauth2/access_token"
            let form = try await client.request(
                "POST", path, headers: ["Content-Type": "application/x-www-form-urlencoded"], body: "grant_type=x")
            #expect(form.status == 400)
            let body = refreshRequest(key, pair.presented).body
            let json = ["Content-Type": "application/json"]
            let bare = try JSONValue(parsing: Array(body.utf8)).removing("redirect_uri").text
            #expect(try await client.request("POST", path, headers: json, body: bare).status == 400)
            let elsewhere = try await client.request(
                "POST", "/amocrm/other/oauth2/access_token", headers: json, body: body)
            #expect(elsewhere.status == 401)
            #expect(sandbox.grant(provider: .amocrm, account: "bakery")?.newest == pair)
        }
    }

    static let wrongDoors: [(String, String, Int)] = [
        ("POST", "/tiktok-shop/api/v2/token/refresh", 404), ("POST", "/instagram/refresh_access_token", 400),
        ("GET", "/youtube/token", 404), ("GET", "/nobody/token", 404), ("GET", "/", 404),
    ]

    @Test(arguments: wrongDoors)
    func `a wrong method or path is not served`(_ method: String, _ target: String, _ status: Int) async throws {
        try await withSandbox { sandbox in
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            let body = method == "POST" ? "a=b" : ""
            #expect(try await client.request(method, target, body: body).status == status)
        }
    }

    @Test func `grace and family revocation can be switched on`() async throws {
        try await withSandbox { sandbox in
            let key = SandboxGrantKey(.oauth2, "books")
            let client = try await RawClient(port: sandbox.port)
            defer { client.close() }
            sandbox.setBehaviour(SandboxBehaviour(rotation: .always, grace: .seconds(60)), of: .oauth2)
            let first = sandbox.issue(provider: .oauth2, account: "books")
            _ = try await client.refresh(key, first.presented)
            #expect(try await client.refresh(key, first.presented).status == 200)

            sandbox.setBehaviour(SandboxBehaviour(rotation: .always, reuseRevokes: true), of: .oauth2)
            let second = sandbox.issue(provider: .oauth2, account: "books")
            _ = try await client.refresh(key, second.presented)
            #expect(try await client.refresh(key, second.presented).status == 400)
            let grant = try #require(sandbox.grant(provider: .oauth2, account: "books"))
            #expect(grant.isRevoked)
            #expect(try await client.refresh(key, grant.newest.presented).status == 400)
        }
    }
}
