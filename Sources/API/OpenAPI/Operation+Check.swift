/// The check that every request passes before its route sees it.
extension Operation {
    /// - Throws: ``Problem`` 400 with the place and how it must be.
    func check(_ request: APIRequest, _ path: [String: String]) throws(Problem) {
        for (name, value) in path {
            let check = SchemaCheck(self.path[name] ?? Self.idSchema)
            // A path that cannot name anything names nothing.
            guard check.problem(with: .string(value)) == nil else {
                throw Problem(
                    404, "unknown-\(name)", title: "There is nothing under this \(name)",
                    detail: "The \(name) in the path cannot be one.", hint: "List what there is first.")
            }
        }
        try checkQuery(request)
        try checkBody(request)
    }

    private func checkQuery(_ request: APIRequest) throws(Problem) {
        var seen: Set<String> = []
        for (name, value) in request.query {
            // Names that nobody knows are passed over, as everywhere on the web.
            guard let parameter = query.first(where: { $0.name == name }) else { continue }
            guard seen.insert(name).inserted else { throw .badRequest("`\(name)` stands twice in the query.") }
            if let problem = SchemaCheck(parameter.schema).problem(
                with: Self.value(value, of: parameter.schema), at: "`\(name)`")
            {
                throw .badRequest(problem + ".")
            }
        }
        if let missing = query.first(where: { $0.isRequired && !seen.contains($0.name) }) {
            throw .badRequest("The query parameter `\(missing.name)` is missing.")
        }
    }

    private func checkBody(_ request: APIRequest) throws(Problem) {
        guard let body else { return }
        if request.body.isEmpty, !isBodyRequired { return }
        guard let value = try? JSON(parsing: request.body) else {
            throw .badRequest("The body is not JSON.", hint: "Send a JSON object, with Content-Type: application/json.")
        }
        if let problem = SchemaCheck(body).problem(with: value) { throw .badRequest(problem + ".") }
    }

    /// A query parameter's text as the JSON value that it stands for.
    private static func value(_ text: String, of schema: Schema) -> JSON {
        switch schema.json["type"]?.text {
        case "integer": Int64(text).map { .int($0) } ?? .string(text)
        case "boolean": ["true": .bool(true), "false": .bool(false)][text] ?? .string(text)
        default: .string(text)
        }
    }
}
