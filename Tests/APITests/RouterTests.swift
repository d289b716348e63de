import API
import Domain
import Testing

@Suite("Router")
struct RouterTests {
    private var router: Router {
        var router = Router()
        router.on("GET", "/v1/channels") { _, _ in .text("list") }
        router.on("POST", "/v1/channels") { _, _ in .text("create") }
        router.on("GET", "/v1/channels/{id}") { _, path in .text("show \(path["id"] ?? "")") }
        router.on("DELETE", "/v1/channels/{id}") { _, path in .text("delete \(path["id"] ?? "")") }
        router.on("GET", "/v1/channels/{id}/token") { _, path in .text("token of \(path["id"] ?? "")") }
        return router
    }

    @Test(arguments: [
        ("GET", "/v1/channels", "list"), ("POST", "/v1/channels", "create"), ("GET", "/v1/channels/a", "show a"),
        ("HEAD", "/v1/channels/a", "show a"), ("DELETE", "/v1/channels/a.b:c", "delete a.b:c"),
        ("GET", "/v1/channels/{id}", "show {id}"), ("GET", "/v1/channels/café/token", "token of café"),
        ("GET", "/v1/channels/", "list"),
    ])
    func `a path finds its route`(_ method: String, _ path: String, _ answer: String) async throws {
        let response = try await router.answer(APIRequest(method: method, path: path))
        #expect(String(decoding: response.body, as: UTF8.self) == answer)
    }

    @Test(arguments: ["/", "", "/v1", "/v1/channels/a/b", "/v1/channels/a/token/x", "/V1/channels", "/v1/channel"])
    func `a path that is none is a problem`(_ path: String) async {
        await #expect(throws: Problem.self) { try await router.answer(APIRequest(method: "GET", path: path)) }
    }

    @Test func `a known path with another method names those it takes`() async throws {
        let response = try await router.answer(APIRequest(method: "PUT", path: "/v1/channels/a"))
        #expect(response.status == 405)
        #expect(response.headers.first { $0.name == "Allow" }?.value == "DELETE, GET")
        #expect(try JSON(parsing: response.body)["detail"] == "It takes DELETE, GET.")
    }

    @Test func `the table names every route`() {
        #expect(router.table.contains("GET /v1/channels/{id}/token"))
        #expect(router.table.count == 5)
    }
}
