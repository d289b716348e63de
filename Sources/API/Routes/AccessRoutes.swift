import Domain
import FoundationEssentials
import Sealing

/// API tokens and the audit log.
struct AccessRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/api-tokens",
            Operation(
                "listApiTokens", "Lists API tokens; none shows its secret.", tag: "access", access: .superadmin,
                query: Operation.paging, answers: [.json(.page(of: .apiToken))])
        ) { request, _ in
            let limit = request.limit
            let tokens = try await ports.access.tokens.tokens(after: request.parameter("cursor"), limit: limit + 1)
            let page = tokens.prefix(limit)
            return .json(.page(page.map { .apiToken($0) }, next: tokens.count > limit ? page.last?.id : nil))
        }
        router.on(
            "POST", "/v1/api-tokens",
            Operation(
                "createApiToken", "Makes an API token; it is shown this once.", tag: "access", access: .superadmin,
                body: .object(
                    [
                        "name": .string("For lists and the audit log.", length: 1...200),
                        "role": .string(
                            "superadmin, probe, or tenant:<id>.", pattern: "^(superadmin|probe|tenant:[!-~]{1,200})$"),
                        "expiresAt": .string(format: "date-time").orNull,
                    ], optional: ["expiresAt"]),
                answers: [.json(.newAPIToken, status: 201, "Made.")])
        ) { request, _ in try await create(request) }
        router.on(
            "DELETE", "/v1/api-tokens/{id}",
            Operation(
                "revokeApiToken", "Revokes an API token; it opens nothing from now on.", tag: "access",
                access: .superadmin, answers: [.empty("Revoked."), .problem(409, "It is the last superadmin's.")])
        ) { request, path in
            let (caller, _) = try await ports.scope(of: request)
            return try await revoke(path["id"] ?? "", by: request.actor(caller))
        }
        router.on(
            "GET", "/v1/audit",
            Operation(
                "listAudit", "What people and applications changed, newest first.", tag: "access", access: .tenant,
                query: [
                    .query("tenantId", .string(length: 1...1000), "Of this tenant."),
                    .query("actor", .string(length: 1...200), "By this one."),
                    .query("action", .string(length: 1...100), "Of this kind: `channel.created` …"),
                    .query("subject", .string(length: 1...200), "Of the thing with this id."),
                    .query("limit", .integer("", 1...500), "At most this many; 100 when left out."),
                    .query("cursor", .string(pattern: "^[0-9]{1,18}$"), "`nextCursor` of the page before."),
                ] + Operation.window,
                answers: [.json(.page(of: .auditEntry)), .text(type: "text/csv", "The same as a table.")])
        ) { request, _ in try await audit(request) }
    }

    private func create(_ request: APIRequest) async throws -> APIResponse {
        let (caller, _) = try await ports.scope(of: request)
        let body = try request.object()
        guard let name = body["name"]?.text, let role = body["role"]?.text else {
            throw Problem.badRequest("`name` and `role` are required.")
        }
        do {
            let made = try await APITokenIssuer(tokens: ports.access.tokens).issue(
                name: name, role: role, expiresAt: body["expiresAt"]?.text, actor: request.actor(caller))
            return .json(made.json, status: 201)
        } catch let error as IntakeError {
            throw Problem.badRequest("\(error).")
        }
    }

    private func revoke(_ id: String, by actor: AuditActor) async throws -> APIResponse {
        do {
            guard try await ports.access.tokens.revokeToken(id, actor: actor) else {
                throw Problem(
                    404, "unknown-api-token", title: "There is no such API token",
                    detail: "No live token has this id.", hint: "List them with GET /v1/api-tokens.")
            }
        } catch APITokenError.lastSuperadmin {
            throw Problem(
                409, "last-superadmin", title: "This is the last superadmin's token",
                detail: "Nobody could administrate afterwards.", hint: "Make another superadmin's token first.")
        }
        return APIResponse(status: 204)
    }

    private func audit(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let isForeign = tenant.map { request.parameter("tenantId") ?? $0 != $0 } ?? false
        let limit = request.limit
        let query = AuditQuery(
            tenantID: tenant ?? request.parameter("tenantId"), actor: request.parameter("actor"),
            action: request.parameter("action"), subject: request.parameter("subject"), window: try request.window(),
            before: request.parameter("cursor").flatMap { Int64($0) }, limit: limit + 1)
        let entries = isForeign ? [] : try await ports.audit.auditEntries(query)
        let page = entries.prefix(limit)
        let next = entries.count > limit ? page.last.map { "\($0.id)" } : nil
        if request.wantsCSV {
            return .csv(AuditEntry.columns, page.map(\.cells), name: "audit", next: request.path(withCursor: next))
        }
        return .json(.page(page.map { .auditEntry($0) }, next: next))
    }
}
