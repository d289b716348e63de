import API
import Domain
import Logging
import Providers
import Testing

@Suite("HTTP interface")
struct HTTPInterfaceTests {
    private func interface(_ world: FakePorts, hosts: Set<String> = []) throws -> HTTPInterface {
        try .fake(world, hosts: hosts)
    }

    private func request(
        _ method: String, _ path: String, host: String? = nil, token: String? = "admin", body: String = ""
    ) -> APIRequest {
        var headers: [HeaderField] = []
        if let token { headers.append(HeaderField("Authorization", "Bearer \(token)")) }
        if let host { headers.append(HeaderField("Host", host)) }
        return APIRequest(method: method, path: path, headers: headers, body: Array(body.utf8))
    }

    @Test(arguments: [
        ("GET", "/healthz", true), ("HEAD", "/livez", true), ("GET", "/readyz", true), ("GET", "/metrics", true),
        ("POST", "/healthz", false), ("GET", "/status", false), ("GET", "/v1/channels", false), ("GET", "/", false),
    ])
    func `probes and metrics are answered from memory`(_ method: String, _ path: String, _ immediate: Bool) throws {
        let interface = try interface(FakePorts())
        #expect((interface.immediate(request(method, path)) != nil) == immediate)
        #expect(interface.immediate(request("GET", "/status", token: nil)) != nil)
    }

    @Test func `only the public host is served once it is known, in any case`() async throws {
        let interface = try interface(FakePorts(), hosts: ["tokens.example.com", "tokens.example.com:8443"])
        for host in ["tokens.example.com", "Tokens.Example.COM", "tokens.example.com:8443"] {
            #expect(await interface.answer(request("GET", "/v1/channels", host: host)).status == 200)
        }
        for host in ["evil.example", "tokens.example.com.evil.example", "127.0.0.1:8080", ""] {
            #expect(await interface.answer(request("GET", "/v1/channels", host: host)).status == 421)
            #expect(await interface.answer(request("GET", "/reauthorize/x", host: host)).status == 421)
        }
        #expect(interface.immediate(request("GET", "/healthz", host: "10.0.0.1")) != nil)
    }

    @Test func `an error's inside is not told`() async throws {
        let interface = try interface(FakePorts(failure: Broken()))
        for path in ["/v1/channels", "/v1/channels/a", "/v1/channels/a/token", "/v1/incidents"] {
            let response = await interface.answer(request("GET", path))
            #expect(response.status == 503)
            #expect(!String(decoding: response.body, as: UTF8.self).contains("inside"))
            #expect(response.headers.contains { $0.name == "Retry-After" })
        }
    }

    @Test func `every route asks the directories for the caller's tenant`() async throws {
        let ports = FakePorts()
        let interface = try interface(ports)
        let calls = [
            ("GET", "/v1/channels", ""), ("GET", "/v1/channels/a", ""), ("DELETE", "/v1/channels/a", ""),
            ("PUT", "/v1/channels/a/credential", #"{"accessToken":"x"}"#), ("POST", "/v1/channels/a/pause", ""),
            ("POST", "/v1/channels/a/resume", ""), ("POST", "/v1/channels/a/refresh", ""),
            ("GET", "/v1/channels/a/token", ""), ("GET", "/v1/incidents", ""), ("GET", "/v1/incidents/1", ""),
            ("POST", "/v1/channels", #"{"provider":"youtube","accessToken":"x"}"#),
            ("POST", "/v1/channels/a/link", ""), ("POST", "/v1/connect", #"{"provider":"youtube"}"#),
            ("PATCH", "/v1/channels/a", #"{"displayName":"x"}"#), ("GET", "/v1/channels/a/explain", ""),
            ("GET", "/v1/channels/a/history", ""), ("POST", "/v1/channels/a/inspect", ""),
            ("POST", "/v1/channels/a/exchange", ""), ("POST", "/v1/channels/a/report", #"{"epoch":1}"#),
            ("POST", "/v1/refreshes", ""), ("GET", "/v1/jobs", ""), ("GET", "/v1/jobs/a", ""),
            ("DELETE", "/v1/jobs/a", ""), ("GET", "/v1/schedules", ""), ("DELETE", "/v1/schedules", ""),
            ("POST", "/v1/schedules", #"{"intervalMinutes":60}"#), ("DELETE", "/v1/schedules/a", ""),
            ("GET", "/v1/statistics", ""), ("GET", "/v1/scheduler", ""), ("GET", "/v1/audit", ""),
            ("GET", "/v1/apps", ""),
            ("GET", "/auth/tokens/scheduler-status", ""), ("POST", "/auth/tokens/trigger-scheduler", ""),
            ("POST", "/auth/tokens/force-refresh/a", ""), ("GET", "/api/tokens/status", ""),
            ("POST", "/api/tokens/refresh", ""), ("POST", "/api/tokens/amocrm/refresh", ""),
            ("GET", "/api/tokens/facebook/debug", ""), ("POST", "/v1/incidents/1/ack", ""),
            ("POST", "/v1/incidents/1/snooze", #"{"minutes":5}"#), ("GET", "/v1/silences", ""),
            (
                "POST", "/v1/silences",
                #"{"matchers":{"tenants":["other"]},"endsAt":"2099-01-01T00:00:00Z"}"#
            ), ("DELETE", "/v1/silences/a", ""), ("GET", "/v1/destinations", ""),
            ("POST", "/v1/destinations", #"{"name":"x","kind":"webhook","url":"https://x.example"}"#),
            ("GET", "/v1/destinations/explain", ""), ("GET", "/v1/destinations/a", ""),
            ("PATCH", "/v1/destinations/a", #"{"name":"x"}"#), ("DELETE", "/v1/destinations/a", ""),
            ("POST", "/v1/destinations/a/test", ""), ("GET", "/v1/deliveries", ""), ("GET", "/v1/deliveries/a", ""),
            ("POST", "/v1/deliveries/replay", ""), ("POST", "/v1/deliveries/a/replay", ""),
            ("POST", "/v1/events", #"{"id":"e","title":"t"}"#),
        ]
        #expect(
            Set(calls.map { "\($0.0) \($0.1)" }).count
                == interface.router.routes.filter { $0.operation.access == .tenant }.count, "a route is not tried here")
        for (method, path, body) in calls {
            _ = await interface.answer(request(method, path, token: "acme", body: body))
        }
        #expect(!ports.tenants.isEmpty && ports.tenants.allSatisfy { $0 == "acme" }, "\(ports.tenants)")
        #expect(await interface.answer(request("GET", "/v1/channels", token: "probe")).status == 403)
        #expect(await interface.answer(request("GET", "/v1/channels", token: "other")).status == 401)
    }

    @Test func `a connection is ordered for the caller's own tenant, of a provider that has an app`() async throws {
        let interface = try interface(FakePorts())
        for (token, body, status) in [
            ("acme", #"{"provider":"youtube","tenantId":"other"}"#, 403),
            ("acme", #"{"provider":"oauth2","params":{"token_url":"https://evil.example/t"}}"#, 400),
            ("admin", #"{"provider":"amocrm","params":{"subdomain":"a.b"}}"#, 400),
            ("admin", #"{"provider":"tiktok-legacy"}"#, 409), ("admin", #"{"provider":"youtube"}"#, 409),
            ("admin", #"{"provider":"nobody"}"#, 400),
        ] {
            let answer = await interface.answer(request("POST", "/v1/connect", token: token, body: body))
            #expect(answer.status == status, "\(body): \(String(decoding: answer.body, as: UTF8.self))")
        }
    }

    private struct Broken: Error {
        var inside = "inside of the error"
    }
}
