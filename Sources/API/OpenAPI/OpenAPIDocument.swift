/// The OpenAPI 3.1 document of a route table.
package enum OpenAPIDocument {
    /// - Parameter routes: each with its method, its pattern (`/v1/channels/{id}`) and what it is.
    package static func document(
        of routes: [(method: String, pattern: String, operation: Operation)], version: String
    ) -> JSON {
        var paths: [String: [String: JSON]] = [:]
        var shapes: [String: JSON] = Schema.problem.shapes
        var tags: Set<String> = []
        for route in routes {
            paths[route.pattern, default: [:]][route.method.lowercased()] = operation(
                route.operation, pattern: route.pattern)
            for schema in route.operation.schemas { shapes.merge(schema.shapes) { first, _ in first } }
            tags.insert(route.operation.tag)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Tokenward", "version": .string(version),
                "description": "Keeps OAuth tokens of third-party channels alive.",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [["url": "/"]],
            "tags": .array(tags.sorted().map { ["name": .string($0)] }),
            "paths": .object(paths.mapValues { .object($0) }),
            "components": [
                "schemas": .object(shapes),
                "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer"]],
            ],
        ]
    }

    private static func operation(_ operation: Operation, pattern: String) -> JSON {
        var parameters = pattern.split(separator: "/").compactMap { segment -> JSON? in
            guard let name = Router.parameter(segment) else { return nil }
            return [
                "name": .string(name), "in": "path", "required": true,
                "schema": (operation.path[name] ?? Operation.idSchema).json,
            ]
        }
        parameters += operation.query.map { parameter in
            var members: [String: JSON] = [
                "name": .string(parameter.name), "in": "query", "schema": parameter.schema.json,
                "description": .string(parameter.description),
            ]
            if parameter.isRequired { members["required"] = true }
            return .object(members)
        }
        var responses: [String: JSON] = ["default": answer([.problem(0, "A failure, as RFC 9457 tells it.")])]
        // Two forms of one answer: JSON or CSV.
        for (status, told) in Dictionary(grouping: operation.answers, by: \.status) {
            responses["\(status)"] = answer(told)
        }
        var members: [String: JSON] = [
            "operationId": .string(operation.id), "summary": .string(operation.summary),
            "tags": [.string(operation.tag)], "responses": .object(responses),
        ]
        if operation.access != .anyone {
            members["security"] = [["bearer": []]]
            if responses["401"] == nil {
                responses["401"] = answer([.problem(401, "The bearer token is missing or unknown.")])
                members["responses"] = .object(responses)
            }
        }
        if !parameters.isEmpty { members["parameters"] = .array(parameters) }
        if let body = operation.body {
            members["requestBody"] = [
                "required": .bool(operation.isBodyRequired), "content": ["application/json": ["schema": body.json]],
            ]
        }
        return .object(members)
    }

    /// - Parameter answers: of one status, by content type.
    private static func answer(_ answers: [Operation.Answer]) -> JSON {
        var members: [String: JSON] = ["description": .string(answers.first?.description ?? "")]
        var content: [String: JSON] = [:]
        for answer in answers {
            if let schema = answer.schema { content[answer.contentType] = ["schema": schema.json] }
        }
        if !content.isEmpty { members["content"] = .object(content) }
        let headers = answers.map(\.headers).reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        if !headers.isEmpty {
            members["headers"] = .object(
                headers.mapValues { ["description": .string($0), "schema": ["type": "string"]] })
        }
        return .object(members)
    }
}

extension Operation {
    fileprivate var schemas: [Schema] {
        path.values + query.map(\.schema) + [body].compactMap { $0 } + answers.compactMap(\.schema)
    }
}
