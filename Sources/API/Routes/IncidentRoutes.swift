package import Domain
import FoundationEssentials

/// `/v1/incidents`: what a human must know, newest first.
struct IncidentRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on("GET", "/v1/incidents") { request, _ in try await list(request) }
        router.on("GET", "/v1/incidents/{id}") { request, path in try await show(request, path["id"] ?? "") }
    }

    private func list(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        var query = IncidentQuery(tenantID: tenant, isOpen: try state(of: request))
        query.channelID = request.parameter("channelId").map { ChannelID(rawValue: $0) }
        if let text = request.parameter("limit") {
            guard let limit = Int(text), (1...ChannelRoutes.pageMax).contains(limit) else {
                throw Problem.badRequest("`limit` is a number from 1 to \(ChannelRoutes.pageMax).")
            }
            query.limit = limit
        }
        if let text = request.parameter("cursor") {
            guard let before = Int64(text) else { throw Problem.badRequest("`cursor` is not one of ours.") }
            query.before = before
        }
        let asked = query.limit
        query.limit = min(asked + 1, 501)
        let incidents = try await ports.incidents.incidents(query)
        let page = incidents.prefix(asked)
        var items: [JSON] = []
        for incident in page { items.append(await resource(incident)) }
        return .json(.page(items, next: incidents.count > asked ? page.last.map { "\($0.id)" } : nil))
    }

    private func state(of request: APIRequest) throws(Problem) -> Bool? {
        switch request.parameter("state") {
        case nil: return nil
        case "open": return true
        case "closed": return false
        default: throw Problem.badRequest("`state` is open or closed.")
        }
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
