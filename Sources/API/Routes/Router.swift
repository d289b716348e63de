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

    struct Route: Sendable {
        var method: String
        var pattern: [Substring]
        var handler: Handler
    }

    private var routes: [Route] = []

    package init() {}

    package mutating func on(_ method: String, _ pattern: String, _ handler: @escaping Handler) {
        // Patterns are literals of ours and live for the whole run.
        routes.append(Route(method: method, pattern: Self.segments(pattern), handler: handler))
    }

    /// `METHOD /pattern` of every route, for the documentation tests.
    package var table: [String] { routes.map { "\($0.method) /\($0.pattern.joined(separator: "/"))" } }

    package func answer(_ request: APIRequest) async throws -> APIResponse {
        let path = Self.segments(request.path)
        var allowed: Set<String> = []
        for route in routes {
            guard let parameters = Self.match(route.pattern, path) else { continue }
            if route.method == request.method || (route.method == "GET" && request.method == "HEAD") {
                return try await route.handler(request, parameters)
            }
            allowed.insert(route.method)
        }
        guard allowed.isEmpty else {
            var response = Problem(
                405, "method-not-allowed", title: "This path does not take \(request.method)",
                detail: "It takes \(allowed.sorted().joined(separator: ", ")).", hint: "Use one of these methods."
            ).response
            response.headers.append(HeaderField("Allow", allowed.sorted().joined(separator: ", ")))
            return response
        }
        throw Problem(
            404, "unknown-path", title: "There is nothing at this path", detail: "No route matches the path.",
            hint: "The interface begins at /v1/channels and /status.")
    }

    private static func segments(_ path: String) -> [Substring] {
        path.split(separator: "/", omittingEmptySubsequences: true)
    }

    private static func match(_ pattern: [Substring], _ path: [Substring]) -> [String: String]? {
        guard pattern.count == path.count else { return nil }
        var parameters: [String: String] = [:]
        for (part, segment) in zip(pattern, path) {
            if part.hasPrefix("{"), part.hasSuffix("}") {
                parameters[String(part.dropFirst().dropLast())] = String(segment)
            } else if part != segment {
                return nil
            }
        }
        return parameters
    }
}
