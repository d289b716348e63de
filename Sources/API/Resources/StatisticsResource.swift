package import Domain
package import FoundationEssentials

extension JSON {
    /// S1's numbers under its names, and the same by provider and tenant.
    package static func statistics(_ statistics: RefreshStatistics, now: Date = Date()) -> JSON {
        var members = counts(statistics.total)
        members["timestamp"] = JSON(now)
        members["byProvider"] = .object(statistics.providers.mapValues { .object(counts($0)) })
        members["byTenant"] = .object(statistics.tenants.mapValues { .object(counts($0)) })
        return .object(members)
    }

    private static func counts(_ counts: RefreshStatistics.Counts) -> [String: JSON] {
        [
            "totalChannels": JSON(counts.channels), "activeChannels": JSON(counts.active),
            "channelsInWarning": JSON(counts.warning), "pausedChannels": JSON(counts.paused),
            "channelsNeedingRefresh": JSON(counts.needingRefresh),
            "channelsWithRefreshToken": JSON(counts.withRefreshToken), "urgentChannels": JSON(counts.urgent),
        ]
    }

    /// A token that ends soon, as S0 tells it.
    static func expiringToken(_ channel: Channel, now: Date) -> [String: JSON] {
        [
            "channelId": .string(channel.id.rawValue), "provider": .string(channel.provider),
            "userId": JSON(channel.userID), "expiresAt": JSON(channel.accessExpiresAt),
            "minutesUntilExpiration": JSON(
                channel.accessExpiresAt.map { Int(($0.timeIntervalSince(now) / 60).rounded(.down)) }),
        ]
    }
}

extension Schema {
    private static let statisticsCounts: [String: Schema] = [
        "totalChannels": integer("Without disconnected ones."), "activeChannels": integer(),
        "channelsInWarning": integer(), "pausedChannels": integer(),
        "channelsNeedingRefresh": integer("Due, failing or in warning."), "channelsWithRefreshToken": integer(),
        "urgentChannels": integer("The access token ends within an hour, or has ended."),
    ]

    package static let statistics = object(
        statisticsCounts.merging([
            "timestamp": time, "byProvider": map(of: object(statisticsCounts).named("StatisticsCounts")),
            "byTenant": map(
                of: object(statisticsCounts).named("StatisticsCounts"),
                "The \(RefreshStatistics.tenantsMax) tenants with the most channels."),
        ]) { first, _ in first }
    ).named("Statistics")

    package static let scheduler = object([
        "running": boolean(), "lastRunAt": time.orNull, "nextRunAt": time.orNull, "nextDueAt": time.orNull,
        "inFlight": integer(),
        "schedules": list(
            of: object([
                "id": string(), "kind": oneOf(JobWork.Kind.allCases.map(\.rawValue)), "lastRunAt": time.orNull,
                "lastJobId": string().orNull, "nextRunAt": time.orNull, "skipped": integer(),
            ]), max: 500),
        "expiringTokens": list(
            of: object([
                "channelId": string(), "provider": string(), "userId": string().orNull, "expiresAt": time.orNull,
                "minutesUntilExpiration": integer().orNull, "hasRefreshToken": boolean(),
                "displayName": string().orNull,
            ]), max: 500),
    ]).named("Scheduler")
}
