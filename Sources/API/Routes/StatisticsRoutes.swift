import Domain
import FoundationEssentials

/// `/v1/statistics` and `/v1/scheduler`: how many channels need what, and what comes next.
struct StatisticsRoutes: Sendable {
    static let expiringWithin = 60

    let ports: HTTPInterface.Ports
    let health: HealthBoard

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/statistics",
            Operation(
                "showStatistics", "Counts channels: all, needing a refresh, urgent; by provider and tenant.",
                tag: "statistics", access: .tenant,
                query: [.query("tenantId", .string(length: 1...1000), "Of this tenant.")], answers: [.json(.statistics)]
            )
        ) { request, _ in try await statistics(request) }
        router.on(
            "GET", "/v1/scheduler",
            Operation(
                "showScheduler", "Last and next runs, and the tokens that end soon.", tag: "statistics",
                access: .tenant,
                query: [
                    .query(
                        "expiringWithin", .integer("", 0...52_560_000),
                        "Minutes within which a token ends to be listed; \(Self.expiringWithin) when left out."),
                    .query("limit", .integer("", 1...500), "At most this many tokens; 100 when left out."),
                ], answers: [.json(.scheduler)])
        ) { request, _ in try await scheduler(request) }
    }

    private func statistics(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let asked = request.parameter("tenantId")
        if let asked, let tenant, asked != tenant { return .json(.statistics(RefreshStatistics())) }
        return .json(.statistics(try await ports.work.statistics.statistics(tenantID: tenant ?? asked)))
    }

    private func scheduler(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let now = Date()
        let minutes = request.parameter("expiringWithin").flatMap { Int($0) } ?? Self.expiringWithin
        let schedules = try await ports.work.schedules.schedules(tenantID: tenant, after: nil, limit: 500)
        let channels = try await ports.channels.channels(
            ChannelFilter(tenantID: tenant, expiringWithin: .seconds(minutes * 60)), after: nil, limit: request.limit)
        let loop = health.loop
        let dueAt = loop.nextDueAt
        return .json([
            "running": .bool(loop.isRunning), "lastRunAt": JSON(loop.lastRunAt), "nextDueAt": JSON(dueAt),
            "nextRunAt": JSON((schedules.compactMap(\.nextAt) + [dueAt].compactMap(\.self)).min()),
            "inFlight": JSON(loop.inFlight),
            "schedules": .array(
                schedules.map { schedule in
                    [
                        "id": .string(schedule.id), "kind": .string(schedule.work.kind.rawValue),
                        "lastRunAt": JSON(schedule.lastAt), "lastJobId": JSON(schedule.lastJobID),
                        "nextRunAt": JSON(schedule.nextAt), "skipped": JSON(schedule.skipped),
                    ]
                }),
            "expiringTokens": .array(
                channels.filter { $0.status != .disconnected }.map { channel in
                    var members = JSON.expiringToken(channel, now: now)
                    members["hasRefreshToken"] = .bool(channel.hasRefreshToken)
                    members["displayName"] = JSON(channel.displayName)
                    return .object(members)
                }),
        ])
    }
}
