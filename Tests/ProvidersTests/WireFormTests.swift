import Domain
import Testing

@testable import Providers

@Suite("Refresh requests on the wire")
struct WireFormTests {
    private static let form = "application/x-www-form-urlencoded"
    private static let token = "RT%2Fsecret%2B0123456789%3D%3D"

    @Test func `the generic server gets a form`() throws {
        let request = try entry("oauth2").refreshRequest(
            Sample.inputs(parameters: ["token_url": "https://idp.example/token"]))
        #expect(request.method == "POST")
        #expect(request.url.reveal() == "https://idp.example/token")
        #expect(
            request.text
                == "grant_type=refresh_token&refresh_token=\(Self.token)&client_id=client+1&client_secret=s%26cret")
        #expect(request.header("Content-Type") == Self.form)
        #expect(request.header("Accept") == "application/json")
        #expect(request.header("Authorization") == nil)
    }

    @Test(arguments: ["google", "youtube", "google-ads"])
    func `Google gets a form`(name: String) throws {
        let request = try entry(name).refreshRequest(Sample.inputs())
        #expect(request.method == "POST")
        #expect(request.url.reveal() == "https://oauth2.googleapis.com/token")
        #expect(
            request.text
                == "grant_type=refresh_token&refresh_token=\(Self.token)&client_id=client+1&client_secret=s%26cret")
    }

    @Test(arguments: ["facebook", "facebook-ads", "whatsapp"])
    func `Meta gets a GET with the access token`(name: String) throws {
        let request = try entry(name).refreshRequest(Sample.inputs())
        #expect(request.method == "GET")
        #expect(
            request.url.reveal()
                == "https://graph.facebook.com/v23.0/oauth/access_token?grant_type=fb_exchange_token&client_id=client%201&client_secret=s%26cret&fb_exchange_token=AT-secret-0123456789abcdef"
        )
        #expect(request.body.isEmpty)
        #expect(request.header("Content-Type") == nil)
    }

    @Test func `Instagram gets no app secret`() throws {
        let request = try entry("instagram").refreshRequest(Sample.inputs())
        #expect(request.method == "GET")
        #expect(
            request.url.reveal()
                == "https://graph.instagram.com/refresh_access_token?grant_type=ig_refresh_token&access_token=AT-secret-0123456789abcdef"
        )
        #expect(request.body.isEmpty)
    }

    @Test func `TikTok gets a form with its client key`() throws {
        let request = try entry("tiktok").refreshRequest(Sample.inputs())
        #expect(request.method == "POST")
        #expect(request.url.reveal() == "https://open.tiktokapis.com/v2/oauth/token/")
        #expect(
            request.text
                == "client_key=client+1&client_secret=s%26cret&grant_type=refresh_token&refresh_token=\(Self.token)")
        #expect(request.header("Cache-Control") == "no-cache")
    }

    @Test func `TikTok's first API gets a POST without secret and body`() throws {
        let request = try entry("tiktok-legacy").refreshRequest(Sample.inputs())
        #expect(request.method == "POST")
        #expect(
            request.url.reveal()
                == "https://open-api.tiktok.com/oauth/refresh_token/?client_key=client%201&grant_type=refresh_token&refresh_token=\(Self.token)"
        )
        #expect(request.body.isEmpty)
    }

    @Test func `TikTok Shop gets a GET`() throws {
        let request = try entry("tiktok-shop").refreshRequest(Sample.inputs())
        #expect(request.method == "GET")
        #expect(
            request.url.reveal()
                == "https://auth.tiktok-shops.com/api/v2/token/refresh?app_key=client%201&app_secret=s%26cret&refresh_token=\(Self.token)&grant_type=refresh_token"
        )
        #expect(request.body.isEmpty)
    }

    @Test(arguments: [("amocrm", "acme.amocrm.ru"), ("kommo", "acme.kommo.com")])
    func `amoCRM and Kommo get JSON with the redirect address`(name: String, host: String) throws {
        let request = try entry(name).refreshRequest(Sample.inputs(parameters: ["subdomain": "acme"]))
        #expect(request.method == "POST")
        #expect(request.url.reveal() == "https://\(host)/oauth2/access_token")
        #expect(
            request.text
                == #"{"client_id":"client 1","client_secret":"s&cret","grant_type":"refresh_token","refresh_token":"RT/secret+0123456789==","redirect_uri":"https://app.example/cb?x=1"}"#
        )
        #expect(request.header("Content-Type") == "application/json")
        #expect(request.header("User-Agent") == "amoCRM-oAuth-client/1.0")
    }

    @Test func `a parameter without a value is left out`() throws {
        var inputs = Sample.inputs(parameters: ["token_url": "https://idp.example/t"])
        inputs.clientSecret = nil
        #expect(
            try entry("oauth2").refreshRequest(inputs).text
                == "grant_type=refresh_token&refresh_token=\(Self.token)&client_id=client+1")
        inputs.clientSecret = Secret("")
        #expect(try entry("oauth2").refreshRequest(inputs).text.contains("client_secret") == false)
    }

    @Test func `no token, no request`() throws {
        var inputs = Sample.inputs()
        inputs.credential.refreshToken = nil
        #expect(throws: RequestError.missingCredential) { try entry("google").refreshRequest(inputs) }
        inputs.credential.accessToken = Secret("")
        #expect(throws: RequestError.missingCredential) { try entry("facebook").refreshRequest(inputs) }
        #expect(throws: RequestError.missingCredential) { try entry("facebook").inspectRequest(inputs) }
        #expect(try entry("instagram").inspectRequest(Sample.inputs()) == nil)
        #expect(try entry("amocrm").revokeRequest(Sample.inputs()) == nil)
    }

    @Test func `inspection, revocation and the long token of Meta`() throws {
        let inspect = try #require(try entry("facebook").inspectRequest(Sample.inputs()))
        #expect(inspect.method == "GET")
        #expect(
            inspect.url.reveal()
                == "https://graph.facebook.com/v23.0/debug_token?input_token=AT-secret-0123456789abcdef&access_token=client%201%7Cs%26cret"
        )
        let revoke = try #require(try entry("facebook").revokeRequest(Sample.inputs(externalID: "42")))
        #expect(revoke.method == "DELETE")
        #expect(
            revoke.url.reveal()
                == "https://graph.facebook.com/v23.0/42/permissions?access_token=AT-secret-0123456789abcdef")
        let upgrade = try #require(try entry("instagram").upgradeRequest(Sample.inputs()))
        #expect(
            upgrade.url.reveal()
                == "https://graph.instagram.com/access_token?grant_type=ig_exchange_token&client_secret=s%26cret&access_token=AT-secret-0123456789abcdef"
        )
    }

    @Test func `Basic authentication is encoded before it is joined`() throws {
        let laid = try overlaid(
            """
            providers:
              own:
                extends: oauth2
                refresh: {method: POST, encoding: form, client_auth: basic, params: {grant_type: refresh_token, refresh_token: "{refresh_token}"}}
            """)
        let request = try #require(laid["own"]).refreshRequest(
            Sample.inputs(parameters: ["token_url": "https://idp.example/t"]))
        // base64("client+1:s%26cret")
        #expect(request.header("Authorization") == "Basic Y2xpZW50KzE6cyUyNmNyZXQ=")
        #expect(request.text == "grant_type=refresh_token&refresh_token=\(Self.token)")
    }

    @Test func `the proof of the app's secret is an HMAC of the token`() throws {
        let laid = try overlaid(
            """
            providers:
              own:
                extends: facebook
                refresh:
                  method: GET
                  encoding: query
                  client_auth: none
                  params: {appsecret_proof: "{hmac_sha256_hex(client_secret,access_token)}"}
            """)
        var inputs = Sample.inputs()
        inputs.clientSecret = Secret("key")
        inputs.credential.accessToken = Secret("The quick brown fox jumps over the lazy dog")
        let request = try #require(laid["own"]).refreshRequest(inputs)
        #expect(
            request.url.reveal().hasSuffix(
                "?appsecret_proof=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"))
    }

    @Test func `a header cannot be split by a token`() throws {
        let laid = try overlaid(
            """
            providers:
              own:
                extends: oauth2
                refresh: {method: POST, encoding: form, client_auth: none, headers: {Authorization: "Bearer {refresh_token}"}}
            """)
        var inputs = Sample.inputs(parameters: ["token_url": "https://idp.example/t"])
        inputs.credential.refreshToken = Secret("a\r\nX-Evil: 1")
        #expect(throws: RequestError.badHeader("Authorization")) { try #require(laid["own"]).refreshRequest(inputs) }
    }

    @Test func `JSON is escaped`() throws {
        var inputs = Sample.inputs(parameters: ["subdomain": "acme"])
        inputs.credential.refreshToken = Secret("a\"\\\n\u{1}é")
        #expect(try entry("amocrm").refreshRequest(inputs).text.contains(#""refresh_token":"a\"\\\u000a\u0001é""#))
    }

    @Test func `the consent page is asked for as each platform wants it`() throws {
        let url = try entry("youtube").authorizeURL(Sample.inputs(), state: "st", scopes: ["a", "b"], challenge: "ch")
        #expect(
            url
                == "https://accounts.google.com/o/oauth2/v2/auth?client_id=client%201&response_type=code&access_type=offline&prompt=consent&include_granted_scopes=true&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1&scope=a%20b&state=st&code_challenge=ch&code_challenge_method=S256"
        )
        #expect(
            try entry("amocrm").authorizeURL(Sample.inputs(), state: "st", challenge: "ch")
                == "https://www.amocrm.ru/oauth?client_id=client%201&mode=popup&state=st")
        #expect(
            try entry("tiktok").authorizeURL(Sample.inputs(), state: "st", scopes: ["a", "b"])
                .contains("client_key=client%201&response_type=code&redirect_uri=") == true)
        #expect(throws: RequestError.missingParameter("service_id")) {
            try entry("tiktok-shop").authorizeURL(Sample.inputs(), state: "st")
        }
        #expect(
            try entry("tiktok-shop").authorizeURL(Sample.inputs(variables: ["service_id": "77"]), state: "st")
                == "https://services.tiktokshop.com/open/authorize?service_id=77&state=st")
    }

    @Test(arguments: CatalogueTests.names)
    func `no request prints a secret`(name: String) throws {
        let inputs = Sample.inputs(
            parameters: [
                "subdomain": "acme", "token_url": "https://idp.example/t", "my_domain": "acme", "shop": "acme",
            ])
        let entry = try entry(name)
        let request = try #require(
            entry.credential == .none ? try entry.inspectRequest(inputs) : try entry.refreshRequest(inputs))
        for text in ["\(request)", "\(inputs.credential)", String(reflecting: request.url)] {
            #expect(!text.contains("secret-0123456789") && !text.contains("s&cret") && !text.contains("secret+"))
        }
        #expect(request.url.reveal().hasPrefix("https://"))
    }
}
