/// What a route is: for `/openapi.json`, for the check of requests before the handler sees them, and for tests.
///
/// A route and its description are registered together (``Router/on(_:_:_:_:)``), so that neither exists alone.
package struct Operation: Sendable {
    /// Who may call.
    package enum Access: Sendable, Equatable {
        /// Anybody: the answer names no tenant, channel or destination.
        case anyone
        /// Any bearer token, `probe` included.
        case token
        /// A tenant's token, for what is the tenant's, and superadmins.
        case tenant
        case superadmin
    }

    /// A query parameter.
    package struct Parameter: Sendable {
        package var name: String
        package var description: String
        package var schema: Schema
        package var isRequired: Bool

        package static func query(
            _ name: String, _ schema: Schema, _ description: String, isRequired: Bool = false
        ) -> Parameter {
            Parameter(name: name, description: description, schema: schema, isRequired: isRequired)
        }
    }

    /// One answer; failures are RFC 9457 problems and need no mention unless they mean something of their own.
    package struct Answer: Sendable {
        package var status: Int
        package var description: String
        /// Nil: no body, unless ``contentType`` says otherwise.
        package var schema: Schema?
        package var contentType: String
        package var headers: [String: String]

        package static func json(
            _ schema: Schema, status: Int = 200, _ description: String = "Done.", headers: [String: String] = [:]
        ) -> Answer {
            Answer(
                status: status, description: description, schema: schema, contentType: "application/json",
                headers: headers)
        }

        package static func text(status: Int = 200, type: String = "text/plain", _ description: String) -> Answer {
            Answer(status: status, description: description, schema: .string(), contentType: type, headers: [:])
        }

        package static func empty(status: Int = 204, _ description: String = "Done.") -> Answer {
            Answer(status: status, description: description, schema: nil, contentType: "", headers: [:])
        }

        package static func problem(_ status: Int, _ description: String) -> Answer {
            Answer(
                status: status, description: description, schema: .problem, contentType: "application/problem+json",
                headers: [:])
        }
    }

    /// The `operationId`: unique, camelCase, a verb first.
    package var id: String
    package var summary: String
    package var tag: String
    package var access: Access
    /// Of path parameters that are not a plain id of 1…200 characters.
    package var path: [String: Schema]
    package var query: [Parameter]
    /// What the body must be; nil: a body is refused.
    package var body: Schema?
    package var isBodyRequired: Bool
    package var answers: [Answer]

    package init(
        _ id: String, _ summary: String, tag: String, access: Access, path: [String: Schema] = [:],
        query: [Parameter] = [], body: Schema? = nil, isBodyRequired: Bool = true, answers: [Answer]
    ) {
        self.id = id
        self.summary = summary
        self.tag = tag
        self.access = access
        self.path = path
        self.query = query
        self.body = body
        self.isBodyRequired = isBodyRequired
        self.answers = answers
    }

    package static let idSchema = Schema.string(length: 1...200)

    /// `limit` and `cursor` of every list.
    package static let paging: [Parameter] = [
        .query("limit", .integer("", 1...500), "At most this many; 100 when left out."),
        .query("cursor", .string(length: 1...400), "`nextCursor` of the page before."),
    ]
}

extension Schema {
    /// RFC 9457.
    package static let problem = Schema([
        "type": "object",
        "properties": [
            "type": ["type": "string", "format": "uri"], "title": ["type": "string"], "status": ["type": "integer"],
            "detail": ["type": "string"], "hint": ["type": "string"], "reason": ["type": "string"],
            "link": ["type": ["string", "null"]],
        ],
        "required": ["type", "title", "status", "detail", "hint"],
    ]).named("Problem")
}
