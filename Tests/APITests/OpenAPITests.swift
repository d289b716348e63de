import API
import Domain
import Testing

/// The document and the routes are one table: neither says what the other does not.
@Suite("OpenAPI document")
struct OpenAPITests {
    private func document() async throws -> (HTTPInterface, JSON) {
        let interface = try HTTPInterface.fake(FakePorts())
        let response = await interface.answer(APIRequest(method: "GET", path: "/openapi.json"))
        #expect(response.status == 200)
        return (interface, try JSON(parsing: response.body))
    }

    @Test func `every route is described and every description is a route`() async throws {
        let (interface, document) = try await document()
        #expect(document["openapi"] == "3.1.0")
        guard case .object(let paths)? = document["paths"] else {
            Issue.record("no paths: \(document)")
            return
        }
        var described: Set<String> = []
        for (path, methods) in paths {
            guard case .object(let methods) = methods else { continue }
            for method in methods.keys { described.insert("\(method.uppercased()) \(path)") }
        }
        #expect(described == Set(interface.router.table))
        #expect(interface.router.table.count == described.count, "a route stands twice")
        for line in described {
            let parts = line.split(separator: " ")
            let path = parts[1].replacing("{id}", with: "1").replacing("{userId}", with: "1")
            let request = APIRequest(method: String(parts[0]), path: String(path))
            #expect(
                try interface.router.match(request).route.pattern == String(parts[1]), "\(line) is hidden by another")
        }
    }

    @Test func `operations have ids of their own, and every shape that is named is told`() async throws {
        let (interface, document) = try await document()
        let ids = interface.router.routes.map(\.operation.id)
        #expect(Set(ids).count == ids.count, "\(ids)")
        guard case .object(let shapes)? = document["components"]?["schemas"] else {
            Issue.record("no schemas")
            return
        }
        let text = String(decoding: document.bytes, as: UTF8.self)
        let named = Set(text.matches(of: /#\/components\/schemas\/(\w+)/).map { String($0.output.1) })
        #expect(named == Set(shapes.keys))
    }

    @Test(arguments: [
        (#"{"force":true}"#, nil), (#"{"force":1}"#, "`force` must be true or false"),
        (#"{"colour":"red"}"#, "`colour` is not known in the body; it takes dryRun, force, retryDead"),
        ("[]", "the body must be a JSON object"),
    ])
    func `a body that is not as described is refused with its place`(_ body: String, _ problem: String?) throws {
        #expect(SchemaCheck(.refreshOptions).problem(with: try JSON(parsing: Array(body.utf8))) == problem)
    }

    @Test func `bounds, choices, lists and missing members are told`() {
        let schema = Schema.object(
            [
                "name": .string(length: 1...3), "n": .integer("", 1...5), "kind": .oneOf(["a", "b"]),
                "items": .list(of: .string(), max: 1), "code": .string(pattern: "^[0-9]+$"),
            ], optional: ["n", "kind", "items", "code"])
        let check = SchemaCheck(schema)
        #expect(check.problem(with: [:]) == "`name` is missing in the body")
        #expect(check.problem(with: ["name": "abcd"]) == "`name` must have at most 3 characters")
        #expect(check.problem(with: ["name": ""]) == "`name` must not be empty")
        #expect(check.problem(with: ["name": "a\u{0}"]) == "`name` holds a NUL character")
        #expect(check.problem(with: ["name": "a", "n": 6]) == "`n` must be at most 5")
        #expect(check.problem(with: ["name": "a", "n": .double(1.5)]) == "`n` must be a whole number")
        #expect(check.problem(with: ["name": "a", "kind": "c"]) == "`kind` must be one of a, b")
        #expect(check.problem(with: ["name": "a", "items": ["x", "y"]]) == "`items` must have at most 1 items")
        #expect(check.problem(with: ["name": "a", "items": [1]]) == "`items`[0] must be text")
        #expect(check.problem(with: ["name": "a", "code": "x"]) == "`code` must match ^[0-9]+$")
        #expect(check.problem(with: ["name": "a", "n": 5, "kind": "b", "items": ["x"], "code": "12"]) == nil)
    }
}
