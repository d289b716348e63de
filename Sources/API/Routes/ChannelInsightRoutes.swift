import Domain
import FoundationEssentials
import Providers

/// Why a channel is as it is, what happened to it, what its provider says, what its consumers saw.
struct ChannelInsightRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/channels/{id}/explain",
            Operation(
                "explainChannel", "Why it is as it is, which rule acts next and when, what a human should do.",
                tag: "channels", access: .tenant, answers: [.json(.explanation)])
        ) { request, path in try await explain(request, id(path)) }
        router.on(
            "GET", "/v1/channels/{id}/history",
            Operation(
                "showHistory", "Ends of refreshes and changes, newest first.", tag: "channels", access: .tenant,
                query: [
                    .query("limit", .integer("", 1...500), "At most this many; 100 when left out."),
                    .query(
                        "cursor", .string(pattern: "^[0-9]{1,18}:[a-z_]{1,60}$"), "`nextCursor` of the page before."),
                    .query("actor", .string(length: 1...200), "By this one; `scheduler` is the service itself."),
                ] + Operation.window,
                answers: [.json(.page(of: .historyEntry)), .text(type: "text/csv", "The same as a table.")])
        ) { request, path in try await history(request, id(path)) }
        router.on(
            "POST", "/v1/channels/{id}/inspect",
            Operation(
                "inspectChannel", "Asks the provider about the access token; never refreshes, never flags.",
                tag: "channels", access: .tenant, answers: [.json(.inspection, "Asked, whatever came of it.")])
        ) { request, path in try await inspect(request, id(path)) }
        router.on(
            "POST", "/v1/channels/{id}/exchange",
            Operation(
                "exchangeToken", "Exchanges a short-lived access token for a long-lived one.", tag: "channels",
                access: .tenant,
                answers: [
                    .json(.channel), .problem(409, "The provider has no such exchange, or refused it; `reason`."),
                    .problem(503, "The provider cannot be reached."),
                ])
        ) { request, path in try await exchange(request, id(path)) }
        router.on(
            "POST", "/v1/channels/{id}/report",
            Operation(
                "reportToken", "A consumer saw its token rejected: checked, and refreshed when that is so.",
                tag: "channels", access: .tenant,
                body: .object(
                    [
                        "epoch": .integer("Of the rejected token.", 0...Int(Int64.max)),
                        "code": Schema(["type": ["string", "integer", "null"]]).described(
                            "What was answered: 401, 190 …"),
                    ], optional: ["code"]), answers: [.json(.reported)])
        ) { request, path in try await report(request, id(path)) }
    }

    private func id(_ path: [String: String]) -> ChannelID { ChannelID(rawValue: path["id"] ?? "") }

    private func explain(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        guard let channel = try await ports.channels.channel(id, tenantID: tenant),
            let explanation = try await ports.explanation(of: channel)
        else { throw Problem.unknownChannel }
        return .json(explanation.json)
    }

    private func history(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let before = request.parameter("cursor").flatMap { cursor -> (attempt: Int64, outcome: String)? in
            let parts = cursor.split(separator: ":", maxSplits: 1)
            return parts.count == 2 ? Int64(parts[0]).map { ($0, String(parts[1])) } : nil
        }
        let limit = request.limit
        let query = HistoryQuery(
            actor: request.parameter("actor"), window: try request.window(), before: before, limit: limit + 1)
        guard let entries = try await ports.channels.history(of: id, tenantID: tenant, query) else {
            throw Problem.unknownChannel
        }
        let page = entries.prefix(limit)
        let next = entries.count > limit ? page.last.map { "\($0.attempt):\($0.outcome)" } : nil
        if request.wantsCSV {
            return .csv(HistoryEntry.columns, page.map(\.cells), name: "history", next: request.path(withCursor: next))
        }
        return .json(.page(page.map { .historyEntry($0) }, next: next))
    }

    private func inspect(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        guard let grant = try await ports.channels.grant(of: id, tenantID: tenant) else { throw Problem.unknownChannel }
        return .json(.inspection(await ports.calls.inspect(grant), of: id))
    }

    private func exchange(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        guard let grant = try await ports.channels.grant(of: id, tenantID: tenant) else { throw Problem.unknownChannel }
        let renewal: Renewal
        switch await ports.calls.upgrade(grant) {
        case .done(let brought): renewal = brought
        case .unsupported:
            throw exchangeRefused("unsupported", "\(grant.provider) has no short-lived tokens to exchange.")
        case .impossible(let why): throw exchangeRefused("impossible", why)
        case .refused(let failure): throw exchangeRefused(failure.reason, failure.message)
        case .unreachable(let why):
            throw Problem(
                503, "provider-unreachable", title: "The provider cannot be reached", detail: why,
                hint: "Nothing was changed; try again.", retryAfterSeconds: 30)
        }
        guard let entry = ports.catalogue[grant.provider] else { throw Problem.unknownChannel }
        let dueAt = entry.renewalTime.dueAt(
            channel: id, issuedAt: renewal.accessIssuedAt, expiresAt: renewal.accessExpiresAt, life: renewal.life)
        let new = NewGrant(
            credential: renewal.credential, accessIssuedAt: renewal.accessIssuedAt,
            accessExpiresAt: renewal.accessExpiresAt, refreshExpiresAt: renewal.refreshExpiresAt,
            humanDeadlineAt: renewal.humanDeadlineAt,
            dueAt: dueAt
                ?? (renewal.needsInspection
                    ? renewal.accessIssuedAt.addingTimeInterval(entry.policy.minInterval.seconds) : nil))
        guard
            try await ports.channels.replaceCredential(
                of: id, tenantID: tenant, with: new, actor: request.actor(caller)),
            let channel = try await ports.channels.channel(id, tenantID: tenant)
        else { throw Problem.unknownChannel }
        return .json(.channel(channel, link: nil))
    }

    private func exchangeRefused(_ reason: String, _ detail: String) -> Problem {
        Problem(
            409, "exchange-refused", title: "The token was not exchanged", detail: detail,
            hint: "Nothing was changed.", members: ["reason": .string(reason)])
    }

    private func report(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let body = try request.object()
        guard case .int(let epoch)? = body["epoch"] else { throw Problem.badRequest("`epoch` is missing.") }
        guard let standing = try await ports.channels.takeReport(of: id, tenantID: tenant, epoch: epoch) else {
            throw Problem.unknownChannel
        }
        switch standing {
        case .oldEpoch(let current):
            return .json(
                .reported(
                    id, "old_epoch", "Epoch \(current) is stored by now: take the new token.", refresh: nil))
        case .known:
            return .json(
                .reported(id, "known", "A report of this token was checked within the last ten minutes.", refresh: nil))
        case .news: break
        }
        return try await check(id, tenant, caller)
    }

    /// A hint flags nothing by itself: the provider is asked, and a refresh decides (PROTOCOL §7).
    private func check(_ id: ChannelID, _ tenant: String?, _ caller: Caller) async throws -> APIResponse {
        guard let grant = try await ports.channels.grant(of: id, tenantID: tenant) else { throw Problem.unknownChannel }
        if case .done(let inspection) = await ports.calls.inspect(grant).end, inspection.isAlive == true {
            return .json(.reported(id, "alive", "The provider says that the token works.", refresh: nil))
        }
        let options = RefreshOptions(force: true, actor: caller.name, patience: TokenRoutes.patience)
        guard let report = try await ports.refresher.refresh([id], options).first else { throw Problem.unknownChannel }
        return .json(.reported(id, "refreshed", "A refresh was tried.", refresh: report))
    }
}

extension HTTPInterface.Ports {
    func explanation(of channel: Channel) async throws -> ChannelExplanation? {
        guard let snapshot = try await channels.snapshot(of: channel.id, tenantID: channel.tenantID) else { return nil }
        let app = try await work.appRecords.apps(tenantID: channel.tenantID).first { $0.id == snapshot.appID }
        return ChannelExplanation(
            channel: channel, snapshot: snapshot, entry: catalogue[channel.provider], app: app,
            reads: try await channels.reads(of: channel.id),
            link: channel.status == .warning ? await link(channel.id) : nil)
    }
}
