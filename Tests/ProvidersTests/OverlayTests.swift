import Domain
import FoundationEssentials
import Testing

@testable import Providers

@Suite("Files laid over the catalogue")
struct OverlayTests {
    @Test(arguments: CatalogueTests.names)
    func `every entry's endpoints can be pointed elsewhere`(name: String) throws {
        let laid = try overlaid(
            """
            providers:
              \(name):
                endpoints:
                  token: http://127.0.0.1:9999/\(name)/token
                  refresh: "http://[::1]:9999/\(name)/refresh"
                  inspect: http://localhost:9999/\(name)/inspect
            """)
        let entry = try #require(laid[name])
        if entry.credential != .none {
            let request = try entry.refreshRequest(Sample.inputs())
            #expect(request.url.reveal().hasPrefix("http://[::1]:9999/\(name)/refresh"))
        }
        // Nothing but a label of the customer's own is asked for.
        let missing = Set(entry.missingParameters(in: [:]))
        #expect(missing.isSubset(of: ["subdomain", "portal", "my_domain", "shop"]))
        #expect(try entry.policy == catalogue.get()[name]?.policy)
        let exchange = try entry.exchangeRequest(
            RequestInputs(credential: Credential(), clientID: "c", code: Secret("code")))
        #expect(exchange.url.reveal().hasPrefix("http://127.0.0.1:9999/\(name)/token"))
    }

    @Test func `an overlaid base reaches what extends it`() throws {
        let laid = try overlaid("providers:\n  google: {endpoints: {token: \"http://127.0.0.1:1/t\"}}")
        for name in ["google", "youtube", "google-ads"] {
            #expect(try laid[name]?.refreshRequest(Sample.inputs()).url.reveal() == "http://127.0.0.1:1/t")
        }
        let other = try overlaid("providers:\n  oauth2: {policy: {refresh_before: 1m}}")
        #expect(other["oauth2"]?.policy.refreshBefore == .seconds(60))
        #expect(other["tiktok"]?.policy.refreshBefore == .seconds(7200))
        #expect(other["google"]?.policy.refreshBefore == .seconds(600))
    }

    @Test func `maps merge one level deep, rules come first, other fields replace`() throws {
        let laid = try overlaid(
            """
            providers:
              tiktok:
                policy: {min_interval: 5s}
                lifetime: {access: 30s}
                errors:
                  - {when: {body: {error: invalid_grant}}, class: suspended, reason: tried_here}
            """)
        let entry = try #require(laid["tiktok"])
        #expect(entry.policy.minInterval == .seconds(5))
        #expect(entry.policy.refreshBefore == .seconds(7200))
        #expect(entry.lifetime.access == .seconds(30))
        #expect(entry.lifetime.refresh == nil)
        #expect(entry.failure(400, #"{"error":"invalid_grant"}"#)?.reason == "tried_here")
        #expect(entry.failure(400, #"{"error":"invalid_client"}"#)?.answerClass == .client)
    }

    @Test func `a user's entry extends the base by either name`() throws {
        let laid = try overlaid(
            """
            schema_version: 1
            providers:
              acme:
                name: Acme
                extends: rfc6749
                connection_params: {}
                endpoints: {token: "https://acme.example/token"}
              acme2:
                extends: oauth2
                name: Acme 2
                endpoints: {token: "https://acme.example/token2"}
            """)
        #expect(laid.names.contains("acme"))
        #expect(try laid["acme"]?.refreshRequest(Sample.inputs()).url.reveal() == "https://acme.example/token")
        #expect(laid["acme"]?.canInspect == false)
        #expect(laid["acme2"]?.missingParameters(in: [:]) == [])
        #expect(try catalogue.get()["oauth2"]?.missingParameters(in: [:]) == ["token_url"])
    }

    @Test func `an entry needs no base`() throws {
        let laid = try overlaid(
            """
            providers:
              bare:
                name: Bare
                credential: refresh_token
                endpoints: {token: "https://bare.example/t"}
                refresh: {method: POST, encoding: form, client_auth: none, params: {r: "{refresh_token}", n: 1, b: true}}
                response: {access_token: [token], refresh_token: [next]}
            """)
        let entry = try #require(laid["bare"])
        #expect(try entry.refreshRequest(Sample.inputs()).text == "r=RT%2Fsecret%2B0123456789%3D%3D&n=1&b=true")
        let renewal = try entry.renewal(from: Sample.answer(#"{"token":"t","next":"n"}"#))
        #expect(renewal.credential.refreshToken == Secret("n"))
        #expect(renewal.accessExpiresAt == nil)
    }

    @Test func `a constant can be changed`() throws {
        let laid = try overlaid("providers:\n  facebook: {vars: {api_version: v99.0}}")
        #expect(
            try laid["whatsapp"]?.refreshRequest(Sample.inputs()).url.reveal()
                .hasPrefix("https://graph.facebook.com/v99.0/oauth/access_token?") == true)
    }

    @Test func `files of a directory are read in order of name`() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "catalogue-\(UUID())").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for (name, before) in [("b.yaml", "2m"), ("a.yml", "1m"), ("c.txt", "3m")] {
            let text = Data("providers:\n  tiktok: {policy: {refresh_before: \(before)}}".utf8)
            try text.write(to: URL(filePath: directory).appending(path: name))
        }
        let laid = try catalogue.get().overlaid(with: directory)
        #expect(laid["tiktok"]?.policy.refreshBefore == .seconds(120))
        let one = try catalogue.get().overlaid(with: directory + "/a.yml")
        #expect(one["tiktok"]?.policy.refreshBefore == .seconds(60))
    }

    @Test func `a missing path, an empty directory and a large file are refused`() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "catalogue-\(UUID())").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        #expect(throws: CatalogueError.self) { try catalogue.get().overlaid(with: directory + "/none.yaml") }
        #expect(throws: CatalogueError.self) { try catalogue.get().overlaid(with: directory) }
        try Data(count: (1 << 20) + 1).write(to: URL(filePath: directory + "/large.yaml"))
        #expect(
            throws: CatalogueError(
                file: directory + "/large.yaml", line: nil, sentence: "The file is larger than 1 MiB; split it.")
        ) { try catalogue.get().overlaid(with: directory) }
    }
}
