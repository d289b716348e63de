import Domain
import Runtime
import Testing

@Suite("Provider apps in settings")
struct SettingsAppsTests {
    @Test(arguments: [
        (["YOUTUBE_CLIENT_ID": "y", "YOUTUBE_CLIENT_SECRET": "s"], ["youtube": "y"]),
        (["GOOGLE_CLIENT_ID": "g", "GOOGLE_CLIENT_SECRET": "s"], ["youtube": "g", "google-ads": "g"]),
        (
            [
                "YOUTUBE_CLIENT_ID": "y", "YOUTUBE_CLIENT_SECRET": "s", "GOOGLE_CLIENT_ID": "g",
                "GOOGLE_CLIENT_SECRET": "s",
            ], ["youtube": "y", "google-ads": "g"]
        ),
        (
            ["META_APP_ID": "m", "META_APP_SECRET": "s", "FACEBOOK_APP_ID": "f", "FACEBOOK_APP_SECRET": "s"],
            ["instagram": "m", "facebook": "m", "facebook-ads": "m", "whatsapp": "m"]
        ),
        (
            ["FACEBOOK_APP_ID": "f", "FACEBOOK_APP_SECRET": "s"],
            ["facebook": "f", "facebook-ads": "f", "whatsapp": "f"]
        ),
        (["TIKTOK_CLIENT_ID": "t", "TIKTOK_CLIENT_SECRET": "s"], ["tiktok": "t", "tiktok-legacy": "t"]),
        (["TIKTOK_APP_ID": "t", "TIKTOK_APP_SECRET": "s"], ["tiktok": "t", "tiktok-legacy": "t"]),
        (
            ["TIKTOK_CLIENT_KEY": "k", "TIKTOK_APP_ID": "t", "TIKTOK_CLIENT_SECRET": "s"],
            ["tiktok": "k", "tiktok-legacy": "k"]
        ),
        (["TIKTOK_SHOP_APP_KEY": "t", "TIKTOK_SHOP_APP_SECRET": "s"], ["tiktok-shop": "t"]),
        (["AMOCRM_CLIENT_ID": "a", "AMOCRM_CLIENT_SECRET": "s"], ["amocrm": "a", "kommo": "a"]),
        (
            [
                "AMOCRM_CLIENT_ID": "a", "AMOCRM_CLIENT_SECRET": "s", "KOMMO_CLIENT_ID": "k",
                "KOMMO_CLIENT_SECRET": "s",
            ], ["amocrm": "a", "kommo": "k"]
        ),
        (["TOKENWARD_APP_TIKTOK_SHOP_CLIENT_ID": "x"], ["tiktok-shop": "x"]),
        (
            [
                "TOKENWARD_APP_YOUTUBE_CLIENT_ID": "x", "TOKENWARD_APP_YOUTUBE_CLIENT_SECRET": "s",
                "YOUTUBE_CLIENT_ID": "y", "YOUTUBE_CLIENT_SECRET": "s",
            ], ["youtube": "x"]
        ),
    ])
    func `a provider's own names win over its family's`(environment: [String: String], ids: [String: String]) throws {
        let apps = try Settings.load(environment: environment.merging(["HOME": "/h"]) { $1 }).apps
        #expect(Dictionary(uniqueKeysWithValues: apps.map { ($0.provider, $0.clientID) }) == ids)
        #expect(apps.map(\.id) == apps.map(\.provider))
    }

    @Test func `commas separate several secrets, tried in order`() throws {
        let apps = try Settings.load(environment: [
            "HOME": "/h", "AMOCRM_CLIENT_ID": "a", "AMOCRM_CLIENT_SECRET": "new, old",
            "AMOCRM_REDIRECT_URI": "https://example.com/callback",
        ]).apps
        #expect(apps.map { $0.secrets.map { $0.reveal() } } == [["new", "old"], ["new", "old"]])
        #expect(apps.first?.redirectURI == "https://example.com/callback")
    }

    @Test func `an app has the endpoints that its settings name`() throws {
        let apps = try Settings.load(environment: [
            "HOME": "/h", "TOKENWARD_APP_OAUTH2_CLIENT_ID": "c",
            "TOKENWARD_APP_OAUTH2_TOKEN_URL": "https://login.example/token",
            "TOKENWARD_APP_OAUTH2_INSPECT_URL": "https://login.example/introspect",
        ]).apps
        #expect(
            apps.map(\.parameters) == [
                ["token_url": "https://login.example/token", "inspect_url": "https://login.example/introspect"]
            ])
    }

    @Test(arguments: [
        ["TOKENWARD_APP_OAUTH2_TOKEN_URL": "https://login.example/token"], ["YOUTUBE_CLIENT_ID": "y"],
        ["YOUTUBE_CLIENT_SECRET": "s"], ["META_APP_ID": "m"],
        ["TOKENWARD_APP_X_CLIENT_SECRET": "s"], ["AMOCRM_REDIRECT_URI": "https://e.com"],
        ["YOUTUBE_CLIENT_ID": "y", "YOUTUBE_CLIENT_SECRET": "1,2,3,4"],
        ["AMOCRM_CLIENT_ID": "a", "AMOCRM_CLIENT_SECRET": "s", "AMOCRM_REDIRECT_URI": "callback"],
    ])
    func `half an app is one sentence`(environment: [String: String]) throws {
        let error = try #require(throws: SettingsError.self) {
            try Settings.load(environment: environment.merging(["HOME": "/h"]) { $1 })
        }
        #expect(error.problems.count == 1, "\(error.problems)")
    }

    @Test func `first tokens become channels`() throws {
        let tokens = try Settings.load(environment: [
            "HOME": "/h", "FACEBOOK_ADS_TOKEN": "f", "AMOCRM_REFRESH_TOKEN": "r", "AMOCRM_SUBDOMAIN": "shop",
        ]).firstTokens
        #expect(tokens.map(\.channelID) == ["facebook-ads", "amocrm"])
        #expect(tokens.last?.parameters == ["subdomain": "shop"])
        #expect(tokens.last?.accessToken == nil)
    }

    @Test(arguments: [
        ["AMOCRM_ACCESS_TOKEN": "a"], ["AMOCRM_ACCESS_TOKEN": "a", "AMOCRM_SUBDOMAIN": "evil.example.com/"],
    ])
    func `a token without a good subdomain is refused`(environment: [String: String]) throws {
        let error = try #require(throws: SettingsError.self) {
            try Settings.load(environment: environment.merging(["HOME": "/h"]) { $1 })
        }
        #expect(error.problems.count == 1)
    }
}
