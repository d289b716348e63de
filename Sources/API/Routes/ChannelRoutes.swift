import Domain
import FoundationEssentials
import Providers

/// `/v1/channels`: list, create, show, credential, pause, resume, refresh, delete.
struct ChannelRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on("GET", "/v1/channels", Self.listing) { request, _ in try await list(request) }
        router.on(
            "POST", "/v1/channels",
            Operation(
                "createChannel", "Adds a channel with its tokens.", tag: "channels", access: .tenant,
                body: .newChannel(providers: ports.catalogue.names),
                answers: [
                    .json(.channel, status: 201, "Added."), .problem(409, "There is a channel with this id."),
                ])
        ) { request, _ in try await create(request) }
        router.on(
            "GET", "/v1/channels/{id}",
            Operation(
                "showChannel", "Shows a channel.", tag: "channels", access: .tenant, answers: [.json(.channel)])
        ) { request, path in try await show(request, id(path)) }
        router.on(
            "DELETE", "/v1/channels/{id}",
            Operation(
                "removeChannel", "Disconnects a channel.", tag: "channels", access: .tenant,
                query: [
                    .query(
                        "revoke", .boolean(),
                        "False: the provider is not told. It is told where that ends no other channel."),
                    .query("purge", .boolean(), "Shred its secrets at once, not after seven days."),
                ], answers: [.empty("Disconnected; what became of the revocation is in its history.")])
        ) { request, path in try await remove(request, id(path)) }
        router.on(
            "PATCH", "/v1/channels/{id}",
            Operation(
                "changeChannel", "Changes who a channel is; null clears.", tag: "channels", access: .tenant,
                body: .channelChange, answers: [.json(.channel)])
        ) { request, path in try await patch(request, id(path)) }
        router.on(
            "PUT", "/v1/channels/{id}/credential",
            Operation(
                "replaceCredential", "Gives a channel new tokens by hand.", tag: "channels", access: .tenant,
                body: .newCredential, answers: [.json(.channel)])
        ) { request, path in try await replace(request, id(path)) }
        router.on(
            "POST", "/v1/channels/{id}/pause",
            Operation(
                "pauseChannel", "Stops refreshing a channel.", tag: "channels", access: .tenant,
                answers: [.json(.channel)])
        ) { request, path in
            try await change(request, id(path)) { try await ports.channels.pause($0, tenantID: $1, actor: $2) }
        }
        router.on(
            "POST", "/v1/channels/{id}/resume",
            Operation(
                "resumeChannel", "Goes on refreshing a paused channel.", tag: "channels", access: .tenant,
                answers: [.json(.channel)])
        ) { request, path in
            try await change(request, id(path)) { try await ports.channels.resume($0, tenantID: $1, actor: $2) }
        }
        router.on(
            "POST", "/v1/channels/{id}/refresh",
            Operation(
                "refreshChannel", "Refreshes a channel now and says how it ended.", tag: "channels", access: .tenant,
                body: .refreshOptions, isBodyRequired: false, answers: [.json(.refresh, "Ended, whatever the outcome.")]
            )
        ) { request, path in try await refresh(request, id(path)) }
    }

    private static let listing = Operation(
        "listChannels", "Lists channels in order of id.", tag: "channels", access: .tenant,
        query: [
            .query("tenantId", .string(length: 1...1000), "Of this tenant."),
            .query("userId", .string(length: 1...1000), "Of this user of the platform."),
            .query("provider", .string(length: 1...200), "Of this entry of the catalogue."),
            .query("status", .oneOf(ChannelStatus.allCases.map(\.name)), "In this state."),
            .query("expiringWithin", .integer("", 0...52_560_000), "Access token ends within so many minutes."),
            .query("q", .string(length: 1...200), "Part of id, name or account id, in any case."),
        ] + Operation.paging,
        answers: [.json(.page(of: .channel))])

    private func id(_ path: [String: String]) -> ChannelID { ChannelID(rawValue: path["id"] ?? "") }

    private func list(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        var filter = ChannelFilter(
            tenantID: tenant ?? request.parameter("tenantId"), userID: request.parameter("userId"),
            provider: request.parameter("provider"), query: request.parameter("q"))
        // A foreign tenant in the filter is an empty list, as an unknown one.
        if let asked = request.parameter("tenantId"), let tenant, asked != tenant { return .json(.page([], next: nil)) }
        filter.status = request.parameter("status").flatMap(ChannelStatus.init(name:))
        filter.expiringWithin = request.parameter("expiringWithin").flatMap { Int($0) }.map { .seconds($0 * 60) }
        let limit = request.limit
        let cursor = request.parameter("cursor").map { ChannelID(rawValue: $0) }
        let channels = try await ports.channels.channels(filter, after: cursor, limit: limit + 1)
        let page = channels.prefix(limit)
        var items: [JSON] = []
        for channel in page { items.append(.channel(channel, link: await link(of: channel))) }
        return .json(.page(items, next: channels.count > limit ? page.last?.id.rawValue : nil))
    }

    private func link(of channel: Channel) async -> String? {
        channel.status == .warning ? await ports.link(channel.id) : nil
    }

    private func show(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        return try await show(id, tenant, status: 200)
    }

    private func show(_ id: ChannelID, _ tenant: String?, status: Int) async throws -> APIResponse {
        guard let channel = try await ports.channels.channel(id, tenantID: tenant) else { throw Problem.unknownChannel }
        return .json(.channel(channel, link: await link(of: channel)), status: status)
    }

    private func create(_ request: APIRequest) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let channel: NewChannel
        do {
            var fields = try ChannelFields(object: try request.object())
            if let tenant {
                // A tenant's token chooses neither ids nor tenants (PROTOCOL §11).
                guard fields.values["id"] == nil else {
                    throw IntakeError("`id` is chosen by the service for a tenant's token; leave it out")
                }
                guard fields.values["tenant_id"] ?? tenant == tenant else { throw Problem.forbidden }
                fields.values["tenant_id"] = tenant
            }
            channel = try intake(for: tenant).channel(fields, now: Date())
        } catch let error as IntakeError {
            throw Problem.badRequest("\(error).")
        }
        do {
            try await ports.channels.insert([channel], replacing: false, actor: request.actor(caller))
        } catch ChannelDirectoryError.exists {
            throw Problem(
                409, "channel-exists", title: "There is a channel with this id", detail: "Nothing was changed.",
                hint: "Replace its tokens with PUT /v1/channels/{id}/credential, or choose another id.")
        } catch ChannelDirectoryError.refused(let why) {
            throw Problem.badRequest("\(why).")
        }
        return try await show(channel.id, tenant, status: 201)
    }

    private func replace(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        guard let channel = try await ports.channels.channel(id, tenantID: tenant) else { throw Problem.unknownChannel }
        guard let entry = ports.catalogue[channel.provider] else {
            throw Problem.badRequest("The catalogue has no provider `\(channel.provider)`.")
        }
        let grant: NewGrant
        do {
            let fields = try ChannelFields(object: try request.object())
            grant = try intake(for: tenant).grant(
                fields, channel: id, entry: entry, parameters: channel.parameters, now: Date())
        } catch let error as IntakeError {
            throw Problem.badRequest("\(error).")
        }
        guard
            try await ports.channels.replaceCredential(
                of: id, tenantID: tenant, with: grant, actor: request.actor(caller))
        else { throw Problem.unknownChannel }
        return try await show(id, tenant, status: 200)
    }

    private func intake(for tenant: String?) -> ChannelIntake {
        tenant == nil ? ports.intake : ports.intake.untrusting()
    }

    private func change(
        _ request: APIRequest, _ id: ChannelID, _ change: (ChannelID, String?, AuditActor) async throws -> Bool
    ) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        guard try await change(id, tenant, request.actor(caller)) else { throw Problem.unknownChannel }
        return try await show(id, tenant, status: 200)
    }

    private func remove(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let removal = ChannelRemoval(channels: ports.channels, calls: ports.calls)
        let end = try await removal.remove(
            id, tenantID: tenant, revokes: request.parameter("revoke") != "false",
            purges: request.parameter("purge") == "true", actor: request.actor(caller))
        guard end != nil else { throw Problem.unknownChannel }
        return APIResponse(status: 204)
    }

    private func patch(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let change: ChannelChange
        do {
            change = try ChannelIntake.change(try request.object())
        } catch let error as IntakeError {
            throw Problem.badRequest("\(error).")
        }
        guard try await ports.channels.change(id, tenantID: tenant, change, actor: request.actor(caller)) else {
            throw Problem.unknownChannel
        }
        return try await show(id, tenant, status: 200)
    }

    private func refresh(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        guard let channel = try await ports.channels.channel(id, tenantID: tenant) else { throw Problem.unknownChannel }
        let body = try request.object()
        let options = RefreshOptions(
            force: body["force"] == true, retryDead: body["retryDead"] == true, dryRun: body["dryRun"] == true,
            actor: caller.name, patience: .seconds(25))
        if !options.dryRun {
            try await ports.audit.record(
                AuditChange(action: "channel.refresh_requested", tenantID: channel.tenantID, subject: id.rawValue),
                by: request.actor(caller))
        }
        guard let report = try await ports.refresher.refresh([id], options).first else { throw Problem.unknownChannel }
        return .json(.refresh(report))
    }
}
