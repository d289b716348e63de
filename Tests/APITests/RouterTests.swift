import API
import Domain
import Testing

@Suite("Router")
struct RouterTests {
    private func operation(_ id: String) -> Operation {
        Operation(id, "Does it.", tag: "test", access: .anyone, answers: [.text("It.")])
    }

    private func respond(_ request: APIRequest) async throws -> APIResponse {
        try await router.answer(request, try router.match(request))
    }

    private var router: Router {
        var router = Router()
        router.on("GET", "/v1/channels", operation("op1")) { _, _ in .text("list") }
        router.on("POST", "/v1/channels", operation("op2")) { _, _ in .text("create") }
        router.on("GET", "/v1/channels/{id}", operation("op3")) { _, path in .text("show \(path["id"] ?? "")") }
        router.on("DELETE", "/v1/channels/{id}", operation("op4")) { _, path in .text("delete \(path["id"] ?? "")") }
        router.on("GET", "/v1/channels/{id}/token", operation("op5")) { _, path in .text("token of \(path["id"] ?? "")")
        }
        return router
    }

    @Test(arguments: [
        ("GET", "/v1/channels", "list"), ("POST", "/v1/channels", "create"), ("GET", "/v1/channels/a", "show a"),
        ("HEAD", "/v1/channels/a", "show a"), ("DELETE", "/v1/channels/a.b:c", "delete a.b:c"),
        ("GET", "/v1/channels/{id}", "show {id}"), ("GET", "/v1/channels/café/token", "token of café"),
        ("GET", "/v1/channels/", "list"),
    ])
    func `a path finds its route`(_ method: String, _ path: String, _ answer: String) async throws {
        let response = try await respond(APIRequest(method: method, path: path))
        #expect(String(decoding: response.body, as: UTF8.self) == answer)
    }

    @Test(arguments: ["/", "", "/v1", "/v1/channels/a/b", "/v1/channels/a/token/x", "/V1/channels", "/v1/channel"])
    func `a path that is none is a problem`(_ path: String) async {
        await #expect(throws: Problem.self) { try await respond(APIRequest(method: "GET", path: path)) }
    }

    @Test func `an encoded slash belongs to its part of the path`() async throws {
        let request = APIRequest(
            method: "GET", path: "/v1/channels/a/b", segments: ["v1", "channels", "a/b"])
        #expect(String(decoding: try await respond(request).body, as: UTF8.self) == "show a/b")
    }

    @Test func `a known path with another method names those it takes`() async throws {
        let problem = await #expect(throws: Problem.self) {
            _ = try await respond(APIRequest(method: "PUT", path: "/v1/channels/a"))
        }
        let response = try #require(problem).response
        #expect(response.status == 405)
        #expect(response.headers.first { $0.name == "Allow" }?.value == "DELETE, GET")
        #expect(try JSON(parsing: response.body)["detail"] == "It takes DELETE, GET.")
    }

    @Test func `a literal path is another resource than the one whose id it could be`() async throws {
        var router = router
        router.on("POST", "/v1/channels/import", operation("op6")) { _, _ in .text("import") }
        let imported = APIRequest(method: "POST", path: "/v1/channels/import")
        #expect(try router.match(imported).route.pattern == "/v1/channels/import")
        let problem = #expect(throws: Problem.self) {
            try router.match(APIRequest(method: "DELETE", path: "/v1/channels/import"))
        }
        #expect(problem?.response.headers.first { $0.name == "Allow" }?.value == "POST")
    }

    @Test func `the table names every route`() {
        #expect(router.table.contains("GET /v1/channels/{id}/token"))
        #expect(router.table.count == 5)
    }
}
