package import Domain
import FoundationEssentials

/// `/v1/incidents`: what a human must know, newest first.
struct IncidentRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/incidents",
            Operation(
                "listIncidents", "Lists what a human must know, newest first.", tag: "incidents", access: .tenant,
                query: [
                    .query("state", .oneOf(["open", "closed"]), "Both when left out."),
                    .query("channelId", .string(length: 1...200), "That this channel is in."),
                    .query("limit", .integer("", 1...500), "At most this many; 100 when left out."),
                    .query("cursor", .string(pattern: "^[0-9]{1,18}$"), "`nextCursor` of the page before."),
                ], answers: [.json(.page(of: .incident))])
        ) { request, _ in try await list(request) }
        router.on(
            "GET", "/v1/incidents/{id}",
            Operation(
                "showIncident", "Shows an incident.", tag: "incidents", access: .tenant, answers: [.json(.incident)])
        ) { request, path in try await show(request, path["id"] ?? "") }
    }

    private func list(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        var query = IncidentQuery(tenantID: tenant, isOpen: request.parameter("state").map { $0 == "open" })
        query.channelID = request.parameter("channelId").map { ChannelID(rawValue: $0) }
        query.before = request.parameter("cursor").flatMap { Int64($0) }
        let asked = request.limit
        query.limit = min(asked + 1, 501)
        let incidents = try await ports.incidents.incidents(query)
        let page = incidents.prefix(asked)
        var items: [JSON] = []
        for incident in page { items.append(await resource(incident)) }
        return .json(.page(items, next: incidents.count > asked ? page.last.map { "\($0.id)" } : nil))
    }

    private func show(_ request: APIRequest, _ text: String) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        guard let id = Int64(text), let incident = try await ports.incidents.incident(id, tenantID: tenant) else {
            throw Problem(
                404, "unknown-incident", title: "There is no such incident",
                detail: "No incident of yours has this id.",
                hint: "List them with GET /v1/incidents.")
        }
        return .json(await resource(incident))
    }

    private func resource(_ incident: Incident) async -> JSON {
        var link: String?
        if incident.isOpen, incident.cause.kind == .channel {
            link = await ports.link(ChannelID(rawValue: incident.cause.id))
        }
        return .incident(incident, link: link)
    }
}

extension Schema {
    package static let incident = object([
        "id": string(), "kind": oneOf(["channel", "app", "provider", "platform"]),
        "cause": string("The id of the channel or app, the name of the provider."), "reason": string(),
        "severity": oneOf(Severity.allCases.map(\.rawValue)), "provider": string().orNull, "tenantId": string().orNull,
        "appId": string().orNull, "code": string().orNull, "message": string().orNull,
        "parentId": string("The open app incident under which this one is silent.").orNull, "openedAt": time,
        "closedAt": time.orNull, "link": string().orNull, "channels": list(of: string()),
    ]).named("Incident")
}

extension JSON {
    /// An incident as lists show it.
    package static func incident(_ incident: Incident, link: String?) -> JSON {
        [
            "id": .string("\(incident.id)"), "kind": .string(incident.cause.kind.rawValue),
            "cause": .string(incident.cause.id), "reason": .string(incident.cause.reason),
            "severity": .string(incident.severity.rawValue), "provider": JSON(incident.provider),
            "tenantId": JSON(incident.tenantID), "appId": JSON(incident.appID), "code": JSON(incident.code),
            "message": JSON(incident.message), "parentId": JSON(incident.parentID.map { "\($0)" }),
            "openedAt": JSON(incident.openedAt), "closedAt": JSON(incident.closedAt), "link": JSON(link),
            "channels": .array(incident.members.map { .string($0.rawValue) }),
        ]
    }
}
