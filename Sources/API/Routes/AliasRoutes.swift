import Domain
import FoundationEssentials
import Providers

/// The routes of the documents this service replaces, as printed there plus the bearer header, over the same code
/// (docs/documents.md).
struct AliasRoutes: Sendable {
    /// S0 looks at tokens that end within this time.
    static let soon: Duration = .seconds(45 * 60)
    static let patience: Duration = .seconds(25)
    static let facebook = ChannelID(rawValue: "facebook-ads")
    static let amocrm = ChannelID(rawValue: "amocrm")

    let ports: HTTPInterface.Ports
    let health: HealthBoard

    func register(on router: inout Router) {
        router.on(
            "GET", "/auth/tokens/scheduler-status",
            operation("aliasSchedulerStatus", "The loop, and the tokens that end soon.", .schedulerStatus)
        ) { request, _ in try await schedulerStatus(request) }
        router.on(
            "POST", "/auth/tokens/trigger-scheduler",
            operation("aliasTriggerScheduler", "Refreshes what needs it.", .aliasBatch)
        ) { request, _ in try await refresh(request, RefreshOrder()) }
        router.on(
            "POST", "/auth/tokens/force-refresh/{userId}",
            operation("aliasForceRefresh", "Refreshes all channels of a user.", .aliasBatch)
        ) { request, path in try await refresh(request, RefreshOrder(userID: path["userId"], force: true)) }
        router.on(
            "GET", "/api/tokens/status",
            operation("aliasTokensStatus", "The channels `facebook-ads` and `amocrm`.", .aliasStatus)
        ) { request, _ in .json(try await status(request)) }
        router.on(
            "POST", "/api/tokens/refresh",
            operation("aliasTokensRefresh", "Refreshes the channels `facebook-ads` and `amocrm`.", .aliasBatch)
        ) { request, _ in
            try await refresh(request, RefreshOrder(channelIDs: [Self.facebook, Self.amocrm], force: true))
        }
        router.on(
            "POST", "/api/tokens/amocrm/refresh",
            operation(
                "aliasAmoCRMRefresh", "Refreshes `amocrm`; a token in the body is stored first.", .aliasBatch,
                body: .options([
                    "refresh_token": .string(length: 1...16_384), "access_token": .string(length: 1...16_384),
                ]))
        ) { request, _ in try await refreshAmoCRM(request) }
        router.on(
            "GET", "/api/tokens/facebook/debug",
            operation("aliasFacebookDebug", "What Meta says of the token of `facebook-ads`.", .aliasDebug)
        ) { request, _ in try await debug(request) }
    }

    private func operation(_ id: String, _ summary: String, _ schema: Schema, body: Schema? = nil) -> Operation {
        Operation(
            id, summary, tag: "aliases", access: .tenant, body: body, isBodyRequired: false, answers: [.json(schema)])
    }

    private func schedulerStatus(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let now = Date()
        let channels = try await ports.channels.channels(
            ChannelFilter(tenantID: tenant, status: .active, expiringWithin: Self.soon), after: nil, limit: 500)
        let loop = health.loop
        return .json([
            "success": true,
            "scheduler": [
                "running": .bool(loop.isRunning), "lastRunAt": JSON(loop.lastRunAt), "nextRunAt": JSON(loop.nextDueAt),
            ],
            "expiringTokens": .array(channels.map { .object(JSON.expiringToken($0, now: now)) }),
        ])
    }

    /// Waits for a while; a job that is not done goes on without the caller.
    private func refresh(_ request: APIRequest, _ order: RefreshOrder) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        var order = order
        order.tenantID = tenant
        let id = try await ports.submit(.refresh(order), tenantID: tenant, by: request.actor(caller))
        let job = try await ports.wait(for: id, tenantID: tenant, atMost: Self.patience)
        return .json([
            "success": .bool(job.failed == 0), "jobId": .string(id), "processed": JSON(job.processed),
            "succeeded": JSON(job.succeeded), "failed": JSON(job.failed), "skipped": JSON(job.skipped),
            "results": .array(job.results.map { .refresh($0) }),
        ])
    }

    private func refreshAmoCRM(_ request: APIRequest) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let body = try request.object()
        let given = (access: body["access_token"]?.text, refresh: body["refresh_token"]?.text)
        if given.access != nil || given.refresh != nil {
            guard let channel = try await ports.channels.channel(Self.amocrm, tenantID: tenant),
                let entry = ports.catalogue[channel.provider]
            else { throw Problem.unknownChannel }
            do {
                var columns: [String: String] = [:]
                columns["access_token"] = given.access
                columns["refresh_token"] = given.refresh
                let grant = try ports.intake.grant(
                    try ChannelFields(columns: columns), channel: Self.amocrm, entry: entry,
                    parameters: channel.parameters, now: Date())
                _ = try await ports.channels.replaceCredential(
                    of: Self.amocrm, tenantID: tenant, with: grant, actor: request.actor(caller))
            } catch let error as IntakeError {
                throw Problem.badRequest("\(error).")
            }
        }
        return try await refresh(request, RefreshOrder(channelIDs: [Self.amocrm], force: true))
    }

    private func status(_ request: APIRequest) async throws -> JSON {
        let (_, tenant) = try await ports.scope(of: request)
        let now = Date()
        let facebook = try await ports.channels.channel(Self.facebook, tenantID: tenant)
        let amocrm = try await ports.channels.channel(Self.amocrm, tenantID: tenant)
        func isValid(_ channel: Channel?) -> Bool {
            guard let channel, channel.status == .active || channel.status == .warning else { return false }
            return channel.warning?.reason.parks != true && channel.accessExpiresAt.map { $0 > now } ?? true
        }
        func left(_ channel: Channel?, unit: Double) -> JSON {
            JSON(channel?.accessExpiresAt.map { Int(($0.timeIntervalSince(now) / unit).rounded(.down)) })
        }
        let life = facebook?.accessExpiresAt.flatMap { end in facebook?.accessIssuedAt.map { end.timeIntervalSince($0) }
        }
        return [
            "success": true,
            "tokens": [
                "facebook": [
                    "hasCached": .bool(facebook != nil), "expiresAt": JSON(facebook?.accessExpiresAt),
                    // A short-lived token lives for an hour or two.
                    "tokenType": facebook == nil ? .null : .string(life.map { $0 > 86_400 } ?? true ? "long" : "short"),
                    "daysUntilExpire": left(facebook, unit: 86_400), "isValid": .bool(isValid(facebook)),
                ],
                "amocrm": [
                    "hasCached": .bool(amocrm != nil), "tokenType": amocrm == nil ? .null : "Bearer",
                    "expiresAt": JSON(amocrm?.accessExpiresAt),
                    "hoursUntilExpire": left(amocrm, unit: 3600), "isValid": .bool(isValid(amocrm)),
                ],
                "timestamp": JSON(now),
            ],
            "healthy": .bool([facebook, amocrm].allSatisfy { $0 == nil || isValid($0) }),
        ]
    }

    private func debug(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        guard let grant = try await ports.channels.grant(of: Self.facebook, tenantID: tenant) else {
            throw Problem.unknownChannel
        }
        let answer = JSON.inspection(await ports.calls.inspect(grant), of: Self.facebook)
        return .json(["success": .bool(answer["result"] == "alive"), "data": answer])
    }
}

extension Schema {
    fileprivate static let schedulerStatus = object([
        "success": boolean(),
        "scheduler": object(["running": boolean(), "lastRunAt": time.orNull, "nextRunAt": time.orNull]),
        "expiringTokens": list(
            of: object([
                "channelId": string(), "provider": string(), "userId": string().orNull, "expiresAt": time.orNull,
                "minutesUntilExpiration": integer().orNull,
            ])),
    ]).named("SchedulerStatus")

    fileprivate static let aliasBatch = object([
        "success": boolean(), "jobId": string(), "processed": integer(), "succeeded": integer(), "failed": integer(),
        "skipped": integer(), "results": list(of: refresh, max: Job.resultsMax),
    ]).named("AliasBatch")

    fileprivate static let aliasStatus = object([
        "success": boolean(),
        "tokens": object([
            "facebook": object([
                "hasCached": boolean(), "tokenType": string().orNull, "expiresAt": time.orNull,
                "daysUntilExpire": integer().orNull, "isValid": boolean(),
            ]),
            "amocrm": object([
                "hasCached": boolean(), "tokenType": string().orNull, "expiresAt": time.orNull,
                "hoursUntilExpire": integer().orNull, "isValid": boolean(),
            ]),
            "timestamp": time,
        ]), "healthy": boolean(),
    ]).named("AliasStatus")

    fileprivate static let aliasDebug = object(["success": boolean(), "data": inspection]).named("AliasDebug")
}
