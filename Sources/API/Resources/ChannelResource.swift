package import Domain
package import FoundationEssentials

/// The shapes of DESIGN §3.5 for channels, tokens and refreshes.
extension JSON {
    package static func channel(_ channel: Channel, link: String?, now: Date = Date()) -> JSON {
        let minutes = channel.accessExpiresAt.map { Int(($0.timeIntervalSince(now) / 60).rounded(.down)) }
        return [
            "id": .string(channel.id.rawValue), "tenantId": .string(channel.tenantID), "userId": JSON(channel.userID),
            "provider": .string(channel.provider), "displayName": JSON(channel.displayName),
            "localName": JSON(channel.localName), "externalId": JSON(channel.externalID),
            "params": .object(channel.parameters.mapValues { .string($0) }),
            "meta": (try? JSON(parsing: Array(channel.meta.utf8))) ?? [:],
            "scopes": .array(channel.scopes.map { .string($0) }), "status": .string(channel.status.name),
            "warning": channel.warning.map { warning($0, link: link) } ?? .null,
            "hasRefreshToken": .bool(channel.hasRefreshToken), "accessIssuedAt": JSON(channel.accessIssuedAt),
            "accessExpiresAt": JSON(channel.accessExpiresAt), "refreshExpiresAt": JSON(channel.refreshExpiresAt),
            "minutesUntilExpiration": JSON(minutes), "lastRefreshAt": JSON(channel.lastRefreshAt),
            "nextRefreshAt": JSON(channel.nextRefreshAt), "humanDeadline": JSON(channel.humanDeadline),
            "consecutiveFailures": JSON(channel.consecutiveFailures), "lastOutcome": JSON(channel.lastOutcome),
            "lastError": JSON(channel.lastError), "epoch": .int(channel.epoch), "createdAt": JSON(channel.createdAt),
            "updatedAt": JSON(channel.updatedAt),
        ]
    }

    private static func warning(_ warning: Channel.Warning, link: String?) -> JSON {
        [
            "reason": .string(warning.reason.rawValue), "code": JSON(warning.code), "message": JSON(warning.message),
            "since": JSON(warning.since), "link": JSON(link),
        ]
    }

    package static func refresh(_ report: RefreshReport) -> JSON {
        [
            "channelId": .string(report.channelID.rawValue), "outcome": .string(report.outcome.rawValue),
            "reason": .string(report.reason), "message": .string(report.message), "expiresAt": JSON(report.expiresAt),
            "nextRefreshAt": JSON(report.nextRefreshAt), "providerRequestId": JSON(report.providerRequestID),
        ]
    }

    /// The only answer that holds a token.
    package static func token(_ token: StoredToken, isStale: Bool) -> JSON {
        [
            "accessToken": JSON(token.credential.accessToken?.reveal()),
            "tokenType": .string(token.credential.tokenType), "expiresAt": JSON(token.expiresAt),
            "epoch": .int(token.epoch), "stale": .bool(isStale),
        ]
    }

    /// A channel as `channels import` takes it; with tokens when its grant is given.
    package static func exported(_ channel: Channel, grant: StoredGrant?) -> JSON {
        var members: [String: JSON] = [
            "id": .string(channel.id.rawValue), "tenantId": .string(channel.tenantID), "userId": JSON(channel.userID),
            "provider": .string(channel.provider), "displayName": JSON(channel.displayName),
            "localName": JSON(channel.localName), "externalId": JSON(channel.externalID),
            "status": channel.status == .paused ? "paused" : "active",
            "params": .object(channel.parameters.mapValues { .string($0) }),
            "accessIssuedAt": JSON(channel.accessIssuedAt), "accessExpiresAt": JSON(channel.accessExpiresAt),
            "refreshExpiresAt": JSON(channel.refreshExpiresAt),
            "scopes": .string(channel.scopes.joined(separator: " ")),
            "meta": (try? JSON(parsing: Array(channel.meta.utf8))) ?? [:],
        ]
        if let grant {
            members["accessToken"] = JSON(grant.credential.accessToken?.reveal())
            members["refreshToken"] = JSON(grant.credential.refreshToken?.reveal())
        }
        return .object(members)
    }

    package static func page(_ items: [JSON], next: String?) -> JSON {
        ["items": .array(items), "nextCursor": JSON(next)]
    }
}
