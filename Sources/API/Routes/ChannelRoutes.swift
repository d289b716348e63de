import Domain
import FoundationEssentials
import Providers

/// `/v1/channels`: list, create, show, credential, pause, resume, refresh, delete.
struct ChannelRoutes: Sendable {
    static let pageMax = 500

    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on("GET", "/v1/channels") { request, _ in try await list(request) }
        router.on("POST", "/v1/channels") { request, _ in try await create(request) }
        router.on("GET", "/v1/channels/{id}") { request, path in try await show(request, id(path)) }
        router.on("DELETE", "/v1/channels/{id}") { request, path in try await remove(request, id(path)) }
        router.on("PUT", "/v1/channels/{id}/credential") { request, path in try await replace(request, id(path)) }
        router.on("POST", "/v1/channels/{id}/pause") { request, path in
            try await change(request, id(path)) { try await ports.channels.pause($0, tenantID: $1, actor: $2) }
        }
        router.on("POST", "/v1/channels/{id}/resume") { request, path in
            try await change(request, id(path)) { try await ports.channels.resume($0, tenantID: $1, actor: $2) }
        }
        router.on("POST", "/v1/channels/{id}/refresh") { request, path in try await refresh(request, id(path)) }
    }

    private func id(_ path: [String: String]) -> ChannelID { ChannelID(rawValue: path["id"] ?? "") }

    private func list(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        var filter = ChannelFilter(
            tenantID: tenant ?? request.parameter("tenantId"), userID: request.parameter("userId"),
            provider: request.parameter("provider"), query: request.parameter("q"))
        // A foreign tenant in the filter is an empty list, as an unknown one.
        if let asked = request.parameter("tenantId"), let tenant, asked != tenant { return .json(.page([], next: nil)) }
        if let name = request.parameter("status") {
            guard let status = ChannelStatus(name: name) else {
                throw Problem.badRequest("`status` is active, warning, paused or disconnected.")
            }
            filter.status = status
        }
        if let text = request.parameter("expiringWithin") {
            guard let minutes = Int(text), (0...52_560_000).contains(minutes) else {
                throw Problem.badRequest("`expiringWithin` is a number of minutes.")
            }
            filter.expiringWithin = .seconds(minutes * 60)
        }
        let limit = try limit(of: request)
        let cursor = request.parameter("cursor").map { ChannelID(rawValue: $0) }
        let channels = try await ports.channels.channels(filter, after: cursor, limit: limit + 1)
        let page = channels.prefix(limit)
        var items: [JSON] = []
        for channel in page { items.append(.channel(channel, link: await link(of: channel))) }
        return .json(.page(items, next: channels.count > limit ? page.last?.id.rawValue : nil))
    }

    private func limit(of request: APIRequest) throws(Problem) -> Int {
        guard let text = request.parameter("limit") else { return 100 }
        guard let limit = Int(text), (1...Self.pageMax).contains(limit) else {
            throw Problem.badRequest("`limit` is a number from 1 to \(Self.pageMax).")
        }
        return limit
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
            var fields = try ChannelFields(object: try body(of: request))
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
            try await ports.channels.insert([channel], replacing: false, actor: caller.name)
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
            let fields = try ChannelFields(object: try body(of: request))
            grant = try intake(for: tenant).grant(
                fields, channel: id, entry: entry, parameters: channel.parameters, now: Date())
        } catch let error as IntakeError {
            throw Problem.badRequest("\(error).")
        }
        guard try await ports.channels.replaceCredential(of: id, tenantID: tenant, with: grant, actor: caller.name)
        else { throw Problem.unknownChannel }
        return try await show(id, tenant, status: 200)
    }

    private func intake(for tenant: String?) -> ChannelIntake {
        tenant == nil ? ports.intake : ports.intake.untrusting()
    }

    private func change(
        _ request: APIRequest, _ id: ChannelID, _ change: (ChannelID, String?, String) async throws -> Bool
    ) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        guard try await change(id, tenant, caller.name) else { throw Problem.unknownChannel }
        return try await show(id, tenant, status: 200)
    }

    private func remove(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let purge = request.parameter("purge") == "true"
        guard try await ports.channels.disconnect(id, tenantID: tenant, purge: purge, actor: caller.name) else {
            throw Problem.unknownChannel
        }
        return APIResponse(status: 204)
    }

    private func refresh(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        guard try await ports.channels.channel(id, tenantID: tenant) != nil else { throw Problem.unknownChannel }
        let body = request.body.isEmpty ? [:] : try body(of: request)
        let options = RefreshOptions(
            force: body["force"] == true, retryDead: body["retryDead"] == true, dryRun: body["dryRun"] == true,
            actor: caller.name, patience: .seconds(25))
        guard let report = try await ports.refresher.refresh([id], options).first else { throw Problem.unknownChannel }
        return .json(.refresh(report))
    }

    private func body(of request: APIRequest) throws(Problem) -> JSON {
        guard let body = try? JSON(parsing: request.body), case .object = body else {
            throw Problem.badRequest("The body is not a JSON object.")
        }
        return body
    }
}
