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
        router.on(
            "POST", "/v1/incidents/{id}/ack",
            Operation(
                "acknowledgeIncident", "Somebody takes care: reminders and escalations stop until it closes.",
                tag: "incidents", access: .tenant,
                body: .options(["note": .string(length: 0...500).orNull]), isBodyRequired: false,
                answers: [.json(.incident), .problem(409, "It has ended.")])
        ) { request, path in try await acknowledge(request, path["id"] ?? "") }
        router.on(
            "POST", "/v1/incidents/{id}/snooze",
            Operation(
                "snoozeIncident", "Silences one incident until then; it is told or reminded of at the end.",
                tag: "incidents", access: .tenant,
                body: .options([
                    "until": .time, "minutes": .integer("In place of `until`.", 1...525_600),
                    "comment": .string(length: 0...500).orNull,
                ]), answers: [.json(.silence, status: 201, "Silenced."), .problem(409, "It has ended.")])
        ) { request, path in try await snooze(request, path["id"] ?? "") }
    }

    private func acknowledge(_ request: APIRequest, _ text: String) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let id = try await open(text, tenant)
        let taken = try await ports.relaying.control.acknowledge(
            .incident(id), note: try request.object()["note"]?.text, tenantID: tenant, by: request.actor(caller))
        guard let incident = taken.first else { throw Problem.incidentEnded }
        return .json(await resource(incident))
    }

    private func snooze(_ request: APIRequest, _ text: String) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let id = try await open(text, tenant)
        let body = try request.object()
        let now = Date()
        var end = body["until"]?.text.flatMap { Date(rfc3339: $0) }
        if case .int(let minutes)? = body["minutes"] { end = now.later(by: .seconds(minutes * 60)) }
        guard let end, end > now, end <= now.later(by: Silence.longest) else {
            throw Problem.badRequest("`until` or `minutes` must say a time to come, within 400 days.")
        }
        let silences = try await ports.relaying.control.snooze(
            .incident(id), until: end, comment: body["comment"]?.text ?? "", tenantID: tenant,
            by: request.actor(caller))
        guard let silence = silences.first else { throw Problem.incidentEnded }
        return .json(.silence(silence), status: 201)
    }

    /// The id of an open incident of the caller's.
    private func open(_ text: String, _ tenant: String?) async throws -> Int64 {
        guard let id = Int64(text), let incident = try await ports.incidents.incident(id, tenantID: tenant) else {
            throw Problem.unknownIncident
        }
        guard incident.isOpen else { throw Problem.incidentEnded }
        return id
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
            throw Problem.unknownIncident
        }
        return .json(await resource(incident))
    }

    private func resource(_ incident: Incident) async -> JSON {
        var link = incident.link
        if incident.isOpen, incident.cause.kind == .channel {
            link = await ports.link(ChannelID(rawValue: incident.cause.id))
        }
        return .incident(incident, link: link)
    }
}

extension Problem {
    static let unknownIncident = Problem(
        404, "unknown-incident", title: "There is no such incident", detail: "No incident of yours has this id.",
        hint: "List them with GET /v1/incidents.")

    static let incidentEnded = Problem(
        409, "incident-ended", title: "The incident has ended", detail: "There is nothing left to be told of.",
        hint: "List the open ones with GET /v1/incidents?state=open.")
}

extension Schema {
    package static let incident = object([
        "id": string(), "kind": oneOf(["channel", "app", "provider", "platform"]),
        "cause": string("The id of the channel or app, the name of the provider."), "reason": string(),
        "severity": oneOf(Severity.allCases.map(\.rawValue)), "provider": string().orNull, "tenantId": string().orNull,
        "appId": string().orNull, "code": string().orNull, "message": string().orNull,
        "parentId": string("The open app incident under which this one is silent.").orNull, "openedAt": time,
        "closedAt": time.orNull, "link": string().orNull, "channels": list(of: string()),
        "title": string("Of platform events.").orNull, "deadline": time.orNull,
        "acknowledgedBy": string().orNull, "acknowledgedAt": time.orNull, "note": string().orNull,
        "nextReminderAt": time.described("Null: nobody is told again unless something changes.").orNull,
        "reminders": integer("Sent and not answered."), "escalatedAt": time.orNull,
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
            "channels": .array(incident.members.map { .string($0.rawValue) }), "title": JSON(incident.title),
            "deadline": JSON(incident.deadline), "acknowledgedBy": JSON(incident.acknowledgement?.by),
            "acknowledgedAt": JSON(incident.acknowledgement?.at), "note": JSON(incident.acknowledgement?.note),
            "nextReminderAt": JSON(incident.nextReminderAt), "reminders": JSON(incident.reminders),
            "escalatedAt": JSON(incident.escalatedAt),
        ]
    }
}
