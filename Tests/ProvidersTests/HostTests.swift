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
                  x:
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
              zoho:
                extends: oauth2
                connection_params:
                  server: {source: callback.accounts-server, default: "https://a.example", values: ["https://a.example", "https://b.example"]}
                endpoints: {token: "{conn.server}/token"}
            """)
        let zoho = try #require(laid["zoho"])
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
                  x:
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
}
