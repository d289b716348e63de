import Domain
import Testing

@testable import Providers

@Suite("Hosts that receive secrets")
struct HostTests {
    @Test(arguments: [
        "evil.example/", "evil.example/x", "a.b", "a@evil.example", "a:80", "a/../b", "a?x=", "a#", "a%2e", "A", "ä",
        "-a",
        "", " a", "a\n", "a\u{0}", "127.0.0.1", "[::1]", String(repeating: "a", count: 64),
    ])
    func `a subdomain that is more than one label is refused`(value: String) throws {
        for name in ["amocrm", "kommo"] {
            let entry = try entry(name)
            #expect(throws: RequestError.self) {
                try entry.refreshRequest(Sample.inputs(parameters: ["subdomain": value]))
            }
            #expect(entry.problems(withParameters: ["subdomain": value], fromOperator: true).count == 1)
        }
    }

    @Test func `a label goes under the fixed zone`() throws {
        let inputs = Sample.inputs(parameters: ["subdomain": "my-shop9"])
        #expect(
            try entry("amocrm").refreshRequest(inputs).url.reveal() == "https://my-shop9.amocrm.ru/oauth2/access_token")
        #expect(
            try entry("kommo").refreshRequest(inputs).url.reveal() == "https://my-shop9.kommo.com/oauth2/access_token")
        #expect(throws: RequestError.missingParameter("subdomain")) {
            try entry("amocrm").refreshRequest(Sample.inputs())
        }
    }

    @Test func `a label is checked also where the entry gives no pattern`() throws {
        let laid = try overlaid(
            """
            providers:
              shop:
                extends: oauth2
                connection_params: {shop: {required: true, source: user}}
                endpoints: {token: "https://{conn.shop}.shops.example/token"}
            """)
        let shop = try #require(laid["shop"])
        #expect(throws: RequestError.self) { try shop.refreshRequest(Sample.inputs(parameters: ["shop": "a.evil"])) }
        #expect(
            try shop.refreshRequest(Sample.inputs(parameters: ["shop": "a"])).url.reveal()
                == "https://a.shops.example/token")
    }

    @Test(arguments: [
        ("https://{conn.p}/token", "user"), ("https://{conn.p}.com/token", "user"),
        ("https://x{conn.p}.a.example/", "user"),
        ("https://{conn.p}.a.example.{conn.p}/", "user"), ("https://a.{conn.p}/", "user"),
        ("{conn.p}/token", "callback.referer"),
        ("https://{conn.p}:1/", "user"), ("https://{conn.p}@a.example/", "user"),
        ("https://a.example:{conn.p}/", "user"),
        ("https://{conn.p}..example/", "user"), ("{conn.p}.a.example/token", "operator"),
        ("https://{client_id}.a.example/", "user"),
        ("https://{access_token}/", "user"), ("https://{conn.p}{conn.p}.a.example/", "user"),
    ])
    func `an endpoint whose host holds a free parameter is refused`(url: String, source: String) {
        #expect(throws: CatalogueError.self) {
            try overlaid(
                """
                providers:
                  own:
                    extends: oauth2
                    connection_params: {p: {source: \(source)}}
                    endpoints: {token: "\(url)"}
                """)
        }
    }

    @Test func `a constant cannot smuggle a host in`() {
        for value in ["a.example@evil.example", "a b", "example", "a..example"] {
            #expect(throws: (any Error).self) {
                let laid = try overlaid("providers:\n  amocrm: {vars: {zone: \"\(value)\"}}")
                _ = try laid["amocrm"]?.refreshRequest(Sample.inputs(parameters: ["subdomain": "a"]))
            }
        }
    }

    @Test func `an enumerated base may be picked and nothing else`() throws {
        let laid = try overlaid(
            """
            providers:
              many:
                extends: oauth2
                connection_params:
                  server: {source: callback.accounts-server, default: "https://a.example", values: ["https://a.example", "https://b.example"]}
                endpoints: {token: "{conn.server}/token"}
            """)
        let zoho = try #require(laid["many"])
        #expect(try zoho.refreshRequest(Sample.inputs()).url.reveal() == "https://a.example/token")
        #expect(
            try zoho.refreshRequest(Sample.inputs(parameters: ["server": "https://b.example"])).url.reveal()
                == "https://b.example/token")
        #expect(throws: RequestError.self) {
            try zoho.refreshRequest(Sample.inputs(parameters: ["server": "https://evil.example"]))
        }
    }

    @Test func `the operator's host is a host, and enumerated bases are checked`() throws {
        let laid = try overlaid(
            """
            providers:
              lab:
                extends: oauth2
                connection_params: {host: {source: operator, default: gitlab.example}}
                endpoints: {token: "https://{conn.host}/oauth/token"}
            """)
        let lab = try #require(laid["lab"])
        #expect(try lab.refreshRequest(Sample.inputs()).url.reveal() == "https://gitlab.example/oauth/token")
        let ported = Sample.inputs(parameters: ["host": "lab.example:8443"])
        #expect(try lab.refreshRequest(ported).url.reveal() == "https://lab.example:8443/oauth/token")
        for bad in ["a/b", "a@b", "a?b", "a b", "https://a.example", "a#b"] {
            #expect(throws: RequestError.self) { try lab.refreshRequest(Sample.inputs(parameters: ["host": bad])) }
        }
        #expect(throws: CatalogueError.self) {
            try overlaid(
                """
                providers:
                  own:
                    extends: oauth2
                    connection_params: {base: {source: user, values: ["http://a.example"]}}
                    endpoints: {token: "{conn.base}/token"}
                """)
        }
    }

    @Test func `the operator's token URL is https or a literal loopback host`() throws {
        let entry = try entry("oauth2")
        for good in [
            "https://idp.example/token", "https://idp.example:8443/a?b=c", "http://127.0.0.1:9/t", "http://[::1]:9/t",
        ] {
            #expect(entry.problems(withParameters: ["token_url": good], fromOperator: true) == [])
            #expect(try entry.refreshRequest(Sample.inputs(variables: ["token_url": good])).url.reveal() == good)
        }
        for bad in [
            "http://idp.example/t", "http://127.0.0.1.evil.example/", "http://10.0.0.1/", "ftp://a.example", "https://",
            "https://u@a.example/", "https://a.example/#f", "https://a.example /", "//a.example",
            "https://a.example:0/",
            "https://a.example:99999/", "javascript:alert(1)", "https://exa_mple/{x}",
        ] {
            #expect(entry.problems(withParameters: ["token_url": bad], fromOperator: true).count == 1)
            #expect(throws: RequestError.self) {
                try entry.refreshRequest(Sample.inputs(variables: ["token_url": bad]))
            }
        }
    }

    @Test func `only the operator sets an endpoint, and the app's value wins`() throws {
        let entry = try entry("oauth2")
        #expect(entry.problems(withParameters: ["token_url": "https://a.example/t"], fromOperator: false).count == 1)
        #expect(
            entry.problems(withParameters: ["nope": "1"], fromOperator: true) == [
                "oauth2 has no connection parameter “nope”."
            ])
        let inputs = Sample.inputs(
            parameters: ["token_url": "https://channel.example/t"], variables: ["token_url": "https://app.example/t"])
        #expect(try entry.refreshRequest(inputs).url.reveal() == "https://app.example/t")
    }

    @Test func `a parameter in the path is encoded`() throws {
        var inputs = Sample.inputs()
        inputs.externalID = "../a/b?c"
        let request = try entry("facebook").revokeRequest(inputs)
        #expect(
            request?.url.reveal()
                == "https://graph.facebook.com/v23.0/..%2Fa%2Fb%3Fc/permissions?access_token=AT-secret-0123456789abcdef"
        )
        inputs.externalID = ".."
        #expect(try entry("facebook").revokeRequest(inputs)?.url.reveal().contains("/%2E%2E/") == true)
    }

    struct Choice: Sendable, CustomTestStringConvertible {
        var provider: String
        var parameters: [String: String] = [:]
        /// The beginning of the consent page's and of the token request's URL.
        var consent: String
        var token: String
        var testDescription: String { "\(provider) \(parameters)" }
    }

    static let choices = [
        Choice(
            provider: "zoho", consent: "https://accounts.zoho.com/oauth/v2/auth?",
            token: "https://accounts.zoho.com/oauth/v2/token"),
        Choice(
            provider: "zoho", parameters: ["accounts_server": "https://accounts.zohocloud.ca"],
            consent: "https://accounts.zohocloud.ca/oauth/v2/auth?",
            token: "https://accounts.zohocloud.ca/oauth/v2/token"),
        Choice(
            provider: "bitrix24", parameters: ["portal": "acme"],
            consent: "https://acme.bitrix24.com/oauth/authorize/?",
            token: "https://oauth.bitrix24.tech/oauth/token/?"),
        Choice(
            provider: "bitrix24", parameters: ["portal": "acme", "zone": "bitrix24.com.br"],
            consent: "https://acme.bitrix24.com.br/oauth/authorize/?",
            token: "https://oauth.bitrix24.tech/oauth/token/?"),
        Choice(
            provider: "gitlab", consent: "https://gitlab.com/oauth/authorize?", token: "https://gitlab.com/oauth/token"),
        Choice(
            provider: "salesforce", parameters: ["login_host": "test.salesforce.com"],
            consent: "https://test.salesforce.com/services/oauth2/authorize?",
            token: "https://test.salesforce.com/services/oauth2/token"),
        Choice(
            provider: "salesforce-my-domain", parameters: ["my_domain": "acme--dev"],
            consent: "https://acme--dev.my.salesforce.com/services/oauth2/authorize?",
            token: "https://acme--dev.my.salesforce.com/services/oauth2/token"),
        Choice(
            provider: "microsoft", consent: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?",
            token: "https://login.microsoftonline.com/common/oauth2/v2.0/token"),
        Choice(
            provider: "microsoft",
            parameters: [
                "tenant": "72f988bf-86f1-41af-91ab-2d7cd011db47", "authority": "https://login.microsoftonline.us",
            ],
            consent: "https://login.microsoftonline.us/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/authorize?",
            token: "https://login.microsoftonline.us/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token"),
        Choice(
            provider: "microsoft", parameters: ["tenant": "contoso.onmicrosoft.com"],
            consent: "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/authorize?",
            token: "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token"),
        Choice(
            provider: "mercadolibre", parameters: ["consent_host": "auth.mercadolivre.com.br"],
            consent: "https://auth.mercadolivre.com.br/authorization?",
            token: "https://api.mercadolibre.com/oauth/token"),
        Choice(
            provider: "shopify", parameters: ["shop": "acme-2"],
            consent: "https://acme-2.myshopify.com/admin/oauth/authorize?",
            token: "https://acme-2.myshopify.com/admin/oauth/access_token"),
    ]

    @Test(arguments: choices)
    func `a customer's choice leads to the provider's own hosts`(choice: Choice) throws {
        let entry = try entry(choice.provider)
        let inputs = Sample.inputs(parameters: choice.parameters)
        #expect(try entry.authorizeURL(inputs, state: "s").hasPrefix(choice.consent))
        #expect(try entry.refreshRequest(inputs).url.reveal().hasPrefix(choice.token))
    }

    @Test(arguments: [
        ("zoho", "accounts_server", "https://accounts.zoho.evil.com"),
        ("zoho", "accounts_server", "https://accounts.zoho.c"),
        ("zoho", "accounts_server", "https://accounts.zoho.com/"),
        ("zoho", "accounts_server", "http://accounts.zoho.com"),
        ("zoho", "accounts_server", "https://accounts.zoho.com@evil.example"),
        ("bitrix24", "portal", "evil.example/"), ("bitrix24", "portal", "acme.bitrix24.com"),
        ("bitrix24", "portal", "a.b"),
        ("bitrix24", "zone", "evil.example"), ("bitrix24", "zone", "bitrix24.com.evil.example"),
        ("salesforce", "login_host", "acme.my.salesforce.com"), ("salesforce", "login_host", "evil.example"),
        ("salesforce-my-domain", "my_domain", "acme.evil"), ("salesforce-my-domain", "my_domain", "acme/"),
        ("microsoft", "authority", "https://evil.example"), ("microsoft", "tenant", "../evil"),
        ("microsoft", "tenant", "common/oauth2"), ("microsoft", "tenant", "common?x"),
        ("microsoft", "tenant", "Common"),
        ("microsoft", "tenant", ".."), ("microsoft", "tenant", "a"),
        ("mercadolibre", "consent_host", "auth.mercadolibre.com.evil"), ("shopify", "shop", "evil.example"),
        ("shopify", "shop", "a/"), ("shopify", "shop", "-a"),
    ])
    func `nothing else is let in`(provider: String, name: String, value: String) throws {
        let entry = try entry(provider)
        var parameters = ["portal": "acme", "my_domain": "acme", "shop": "acme"].filter { key, _ in
            entry.connectionParameters.contains { $0.name == key }
        }
        parameters[name] = value
        #expect(entry.problems(withParameters: [name: value], fromOperator: true).count == 1)
        let inputs = Sample.inputs(parameters: parameters)
        #expect(throws: RequestError.self) { try entry.authorizeURL(inputs, state: "s") }
        #expect(throws: RequestError.self) { try entry.refreshRequest(inputs) }
    }

    @Test func `only the operator names GitLab's host and Microsoft's cloud`() throws {
        for (provider, name, value) in [
            ("gitlab", "host", "gitlab.example"), ("microsoft", "authority", "https://login.microsoftonline.us"),
        ] {
            let entry = try entry(provider)
            #expect(entry.problems(withParameters: [name: value], fromOperator: false).count == 1)
            #expect(entry.problems(withParameters: [name: value], fromOperator: true) == [])
        }
    }

    @Test(arguments: CatalogueTests.names)
    func `no parameter of a customer, a callback or an answer names a host freely`(name: String) throws {
        for parameter in try entry(name).connectionParameters where parameter.source != .operator {
            #expect(
                parameter.reach == nil || parameter.reach == .label || !parameter.values.isEmpty, "\(parameter.name)")
        }
    }

    @Test(arguments: [
        ("{source: user}", "https://{conn.p}.{conn.zone}/token"),
        ("{values: [example]}", "https://{conn.p}.{conn.zone}/token"),
        ("{values: [a.example, b]}", "https://{conn.p}.{conn.zone}/token"),
        ("{values: [a.example]}", "https://{conn.p}.{conn.zone}.evil/token"),
        ("{values: [a.example]}", "https://{conn.p}-{conn.zone}/token"),
    ])
    func `a label's zone is fixed or one of a list`(zone: String, url: String) {
        #expect(throws: CatalogueError.self) {
            try overlaid(
                """
                providers:
                  own:
                    extends: oauth2
                    connection_params: {p: {source: user}, zone: \(zone)}
                    endpoints: {token: "\(url)"}
                """)
        }
    }
}
