import Domain

/// `GET /openapi.json`: the document of the very table that it stands in.
enum DocumentRoute {
    static func documented(_ router: Router, version: String) -> Router {
        let operation = Operation(
            "showDocument", "This document.", tag: "probes", access: .anyone,
            answers: [.json(.anyObject, "OpenAPI 3.1.")])
        var routes = router.routes.map { (method: $0.method, pattern: $0.pattern, operation: $0.operation) }
        routes.append(("GET", "/openapi.json", operation))
        var response = APIResponse.json(OpenAPIDocument.document(of: routes, version: version))
        response.headers.removeAll { $0.name == "Cache-Control" }
        var router = router
        router.on("GET", "/openapi.json", operation) { [response] _, _ in response }
        return router
    }
}
