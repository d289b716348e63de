import Domain
import FoundationEssentials

/// `GET /v1/channels/{id}/token`: a valid token now, for an application.
struct TokenRoutes: Sendable {
    static let minTimeToLiveMax = 7 * 86_400
    static let patience: Duration = .seconds(25)

    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/channels/{id}/token",
            Operation(
                "takeToken", "A valid access token, refreshed first when it is needed.", tag: "channels",
                access: .tenant,
                query: [
                    .query(
                        "minTtl", .integer("", 0...Self.minTimeToLiveMax),
                        "Seconds it must still live; half of its whole life at most counts.")
                ],
                answers: [
                    .json(.token), .problem(409, "Only a human can help, or the channel is paused; `reason`, `link`."),
                    .problem(503, "None can be had now; Retry-After says when to ask again."),
                ])
        ) { request, path in try await token(request, ChannelID(rawValue: path["id"] ?? "")) }
    }

    private func token(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let wanted = Duration.seconds(request.parameter("minTtl").flatMap { Int($0) } ?? 0)
        guard var token = try await ports.channels.token(of: id, tenantID: tenant) else { throw Problem.unknownChannel }
        var report: RefreshReport?
        // Asking for more than half of a token's life would renew it again and again (PROTOCOL §7).
        if !token.lasts(min(wanted, token.life.map { $0 / 2 } ?? wanted)), token.reason?.parks != true,
            token.status != .paused
        {
            report = try await ports.refresher.refresh(
                [id], RefreshOptions(minTimeToLive: wanted, actor: caller.name, patience: Self.patience)
            ).first
            guard let newer = try await ports.channels.token(of: id, tenantID: tenant) else {
                throw Problem.unknownChannel
            }
            token = newer
        }
        // A token that still works is served whatever the refresh said.
        if token.isUsable {
            ports.access.reads.note(id, by: caller)
            return .json(.token(token, isStale: !token.lasts(wanted)))
        }
        throw await problem(with: token, after: report)
    }

    private func problem(with token: StoredToken, after report: RefreshReport?) async -> Problem {
        if token.status == .paused {
            return Problem(
                409, "channel-paused", title: "The channel is paused", detail: "Its token has run out meanwhile.",
                hint: "Resume it with POST /v1/channels/{id}/resume.", members: ["reason": "paused"])
        }
        if let reason = token.reason, reason.parks {
            return Problem(
                409, "reauthorization-required", title: "Only a human can help this channel",
                detail: "Its grant is dead (\(reason.rawValue)).", hint: "Open the link and authorize again.",
                members: [
                    "reason": .string(reason.rawValue), "link": JSON(await ports.link(token.channelID)),
                ])
        }
        return Problem(
            503, "no-valid-token", title: "No valid token can be had now",
            detail: report.map { "The refresh ended as \($0.outcome.rawValue): \($0.message)" } ?? "It has run out.",
            hint: "Try again after the time in Retry-After.",
            members: ["reason": .string(report?.reason ?? "expired")],
            retryAfterSeconds: report?.nextRefreshAt.map {
                min(max(1, Int($0.timeIntervalSince(token.databaseTime))), 3600)
            } ?? 30)
    }
}

extension StoredToken {
    /// Whether the access token is there and has not run out.
    var isUsable: Bool {
        guard let token = credential.accessToken, !token.isEmpty else { return false }
        return reason?.parks != true && expiresAt.map { $0 > databaseTime } ?? true
    }

    /// The whole life of the access token; nil when unknown or endless.
    var life: Duration? {
        guard let issuedAt, let expiresAt, expiresAt > issuedAt else { return nil }
        return .seconds(expiresAt.timeIntervalSince(issuedAt))
    }

    /// Whether it will still be valid after this time.
    func lasts(_ wanted: Duration) -> Bool {
        guard let token = credential.accessToken, !token.isEmpty else { return false }
        guard let expiresAt else { return true }
        return expiresAt.timeIntervalSince(databaseTime) > wanted.seconds
    }
}
