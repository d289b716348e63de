package import Domain
import FoundationEssentials

/// Who asks.
package struct Caller: Sendable, Equatable {
    package enum Role: Sendable, Equatable {
        case superadmin
        /// That tenant's channels only.
        case tenant(String)
        /// The provider part of `/status`.
        case probe
    }

    /// For the audit: the token's name.
    package var name: String
    package var role: Role

    package init(name: String, role: Role) {
        self.name = name
        self.role = role
    }

    /// The tenant a query is restricted to; nil for a superadmin.
    package func tenantID() throws(Problem) -> String? {
        switch role {
        case .superadmin: nil
        case .tenant(let id): id
        case .probe: throw Problem.forbidden
        }
    }
}

/// Knows bearer tokens by their digests.
package protocol Authenticating: Sendable {
    func caller(presenting token: Secret) async throws -> Caller?
}

/// Finds the route of a request: literal segments and `{name}` parameters, no more.
package struct Router: Sendable {
    package typealias Handler = @Sendable (APIRequest, [String: String]) async throws -> APIResponse

    package struct Route: Sendable {
        package let method: String
        /// As in the document: `/v1/channels/{id}`.
        package let pattern: String
        package let operation: Operation
        let segments: [Substring]
        let handler: Handler
    }

    /// A route and the values of its path parameters, decoded.
    package struct Match: Sendable {
        package var route: Route
        package var parameters: [String: String]
    }

    /// In the order of registration.
    package private(set) var routes: [Route] = []

    package init() {}

    /// Registers a route with its description.
    package mutating func on(
        _ method: String, _ pattern: String, _ operation: Operation, _ handler: @escaping Handler
    ) {
        routes.append(
            Route(
                method: method, pattern: pattern, operation: operation,
                segments: pattern.split(separator: "/", omittingEmptySubsequences: true), handler: handler))
    }

    /// `METHOD /pattern` of every route, for the documentation tests.
    package var table: [String] { routes.map { "\($0.method) \($0.pattern)" } }

    /// - Throws: ``Problem`` 404 and 405.
    package func match(_ request: APIRequest) throws(Problem) -> Match {
        let path = request.segments
        let matches = routes.compactMap { route in
            Self.match(route.segments, path).map { Match(route: route, parameters: $0) }
        }
        // A literal path is a resource of its own, not the one whose id it could be (OpenAPI 3.1, "Path Templating Matching").
        let fewest = matches.map(\.parameters.count).min()
        let resource = matches.filter { $0.parameters.count == fewest }
        let served =
            resource.first { $0.route.method == request.method }
            ?? resource.first { $0.route.method == "GET" && request.method == "HEAD" }
        if let served { return served }
        let allowed = Set(resource.map(\.route.method))
        guard allowed.isEmpty else {
            let methods = allowed.sorted().joined(separator: ", ")
            throw Problem(
                405, "method-not-allowed", title: "This path does not take \(request.method)",
                detail: "It takes \(methods).", hint: "Use one of these methods.", allow: methods)
        }
        throw Problem(
            404, "unknown-path", title: "There is nothing at this path", detail: "No route matches the path.",
            hint: "GET /openapi.json names every route.")
    }

    /// Checks a request against its route's description and answers it.
    package func answer(_ request: APIRequest, _ match: Match) async throws -> APIResponse {
        try match.route.operation.check(request, match.parameters)
        return try await match.route.handler(request, match.parameters)
    }

    /// The name in `{name}`.
    static func parameter(_ segment: Substring) -> String? {
        segment.hasPrefix("{") && segment.hasSuffix("}") ? String(segment.dropFirst().dropLast()) : nil
    }

    private static func match(_ pattern: [Substring], _ path: [String]) -> [String: String]? {
        guard pattern.count == path.count else { return nil }
        var parameters: [String: String] = [:]
        for (part, segment) in zip(pattern, path) {
            if let name = parameter(part) {
                parameters[name] = segment
            } else if part != segment {
                return nil
            }
        }
        return parameters
    }
}
