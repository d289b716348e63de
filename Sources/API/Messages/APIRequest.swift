package import Domain
import FoundationEssentials

/// A request as the routes see it, whatever server received it.
package struct APIRequest: Sendable {
    package var method: String
    /// Decoded, without the query.
    package var path: String
    /// The parts of the path between slashes, each decoded by itself: an encoded slash belongs to its part.
    package var segments: [String]
    package var query: [(name: String, value: String)]
    package var headers: [HeaderField]
    package var body: [UInt8]
    package var remoteAddress: String
    /// Names the request in logs and answers.
    package var id: String
    /// Who asks; known before a route is called.
    package var caller: Caller?

    /// - Parameter segments: those of `path` when nil.
    package init(
        method: String, path: String, segments: [String]? = nil, query: [(name: String, value: String)] = [],
        headers: [HeaderField] = [],
        body: [UInt8] = [], remoteAddress: String = "", id: String = "-"
    ) {
        self.method = method
        self.path = path
        self.segments =
            segments ?? path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        self.query = query
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
        self.id = id
    }

    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    package func parameter(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The body as a JSON object, empty for no body; the route's description has checked it.
    ///
    /// - Throws: ``Problem`` 400.
    package func object() throws(Problem) -> JSON {
        if body.isEmpty { return [:] }
        guard let value = try? JSON(parsing: body), case .object = value else {
            throw Problem.badRequest("The body is not a JSON object.")
        }
        return value
    }

    /// Who asks, for the audit log.
    package func actor(_ caller: Caller) -> AuditActor {
        AuditActor(name: caller.name, address: remoteAddress.isEmpty ? nil : remoteAddress, requestID: id)
    }

    /// How many rows of a list are asked for; the route's description holds it to 1…500.
    package var limit: Int { parameter("limit").flatMap { Int($0) } ?? 100 }

    /// The token of `Authorization: Bearer …`.
    package var bearer: Secret? {
        guard let value = header("Authorization"), value.lowercased().hasPrefix("bearer ") else { return nil }
        let token = value.dropFirst(7).trimmingPrefix(while: \.isWhitespace)
        return token.isEmpty ? nil : Secret(String(token))
    }
}

/// An answer of the routes.
package struct APIResponse: Sendable {
    package var status: Int
    package var headers: [HeaderField]
    package var body: [UInt8]

    package init(status: Int, headers: [HeaderField] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package static func json(_ value: JSON, status: Int = 200) -> APIResponse {
        APIResponse(
            status: status,
            headers: [HeaderField("Content-Type", "application/json"), HeaderField("Cache-Control", "no-store")],
            body: value.bytes)
    }

    package static func text(_ text: String, status: Int = 200, type: String = "text/plain; charset=utf-8")
        -> APIResponse
    {
        APIResponse(status: status, headers: [HeaderField("Content-Type", type)], body: Array(text.utf8))
    }
}

/// A failure as RFC 9457 tells it: what happened, and how to mend it.
package struct Problem: Error, Sendable, Equatable {
    package var status: Int
    package var type: String
    package var title: String
    package var detail: String
    package var hint: String
    /// Further members (`reason`, `link`).
    package var members: [String: JSON]
    package var retryAfterSeconds: Int?
    /// The methods that the path takes.
    package var allow: String?

    package init(
        _ status: Int, _ type: String, title: String, detail: String, hint: String, members: [String: JSON] = [:],
        retryAfterSeconds: Int? = nil, allow: String? = nil
    ) {
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.hint = hint
        self.members = members
        self.retryAfterSeconds = retryAfterSeconds
        self.allow = allow
    }

    package var response: APIResponse {
        var object: [String: JSON] = members
        object["type"] = .string("urn:tokenward:problem:\(type)")
        object["title"] = .string(title)
        object["status"] = .int(Int64(status))
        object["detail"] = .string(detail)
        object["hint"] = .string(hint)
        var response = APIResponse(
            status: status,
            headers: [
                HeaderField("Content-Type", "application/problem+json"), HeaderField("Cache-Control", "no-store"),
            ], body: JSON.object(object).bytes)
        if let retryAfterSeconds { response.headers.append(HeaderField("Retry-After", "\(retryAfterSeconds)")) }
        if let allow { response.headers.append(HeaderField("Allow", allow)) }
        if status == 401 { response.headers.append(HeaderField("WWW-Authenticate", "Bearer")) }
        return response
    }

    package static func badRequest(_ detail: String, hint: String = "Mend the request and send it again.") -> Problem {
        Problem(400, "bad-request", title: "The request cannot be understood", detail: detail, hint: hint)
    }

    package static let unknownChannel = Problem(
        404, "unknown-channel", title: "There is no such channel", detail: "No channel of yours has this id.",
        hint: "List the channels with GET /v1/channels.")

    package static let unauthorized = Problem(
        401, "unauthorized", title: "A valid bearer token is needed",
        detail: "The Authorization header is missing or its token is unknown, expired or revoked.",
        hint: "Send `Authorization: Bearer …` with the admin token, TOKENWARD_ADMIN_TOKEN.")

    package static let forbidden = Problem(
        403, "forbidden", title: "This token may not do that", detail: "The token's role does not reach this far.",
        hint: "Ask a superadmin.")

    package static let credentialUnreadable = Problem(
        503, "credential-unreadable", title: "The stored credential does not open",
        detail: "Its key is not in this replica's TOKENWARD_KEYS, or the row was changed from outside.",
        hint: "Put the key back, or give the channel new tokens.")

    package static let databaseDown = Problem(
        503, "database-unavailable", title: "The database cannot be reached",
        detail: "Nothing was changed.", hint: "Try again shortly.", retryAfterSeconds: 5)
}
