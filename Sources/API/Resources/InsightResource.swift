package import Domain
package import Providers

extension JSON {
    package static func historyEntry(_ entry: HistoryEntry) -> JSON {
        [
            "attempt": .string("\(entry.attempt)"), "outcome": .string(entry.outcome), "at": JSON(entry.at),
            "actor": .string(entry.actor), "code": JSON(entry.code), "message": JSON(entry.message),
            "providerRequestId": JSON(entry.providerRequestID),
        ]
    }

    /// What a provider said of a token; the app's own trouble is `client`, and no verdict on the channel.
    package static func inspection(
        _ answer: (method: ProviderCalls.Method?, end: ProviderCalls.End<Inspection>), of id: ChannelID
    ) -> JSON {
        var members: [String: JSON] = [
            "channelId": .string(id.rawValue), "method": .string(answer.method?.rawValue ?? "none"),
            "result": "unknown", "reason": nil, "message": "", "accessExpiresAt": nil, "neverExpires": false,
            "dataAccessExpiresAt": nil, "scopes": nil, "externalId": nil,
        ]
        switch answer.end {
        case .done(let found):
            members["result"] = .string(found.isAlive.map { $0 ? "alive" : "dead" } ?? "unknown")
            members["reason"] = JSON(found.errorCode)
            members["accessExpiresAt"] = JSON(found.accessExpiresAt)
            members["neverExpires"] = .bool(found.neverExpires)
            members["dataAccessExpiresAt"] = JSON(found.dataAccessExpiresAt)
            members["scopes"] = found.scopes.map { .array($0.map { .string($0) }) } ?? .null
            members["externalId"] = JSON(found.externalID)
            members["message"] = .string(
                found.isAlive == false ? "The provider says that the access token is dead." : "The provider answered.")
        case .unsupported:
            members["result"] = "unsupported"
            members["message"] = "The provider has nothing to ask about a token."
        case .impossible(let why):
            members["result"] = "impossible"
            members["message"] = .string(why)
        case .refused(let failure):
            members["result"] = .string(failure.answerClass.rawValue)
            members["reason"] = .string(failure.reason)
            members["message"] = .string(failure.message)
        case .unreachable(let why):
            members["result"] = "unreachable"
            members["message"] = .string(why)
        }
        return .object(members)
    }

    static func reported(_ id: ChannelID, _ verdict: String, _ message: String, refresh: RefreshReport?) -> JSON {
        [
            "channelId": .string(id.rawValue), "verdict": .string(verdict), "message": .string(message),
            "refresh": refresh.map { .refresh($0) } ?? .null,
        ]
    }
}

extension Schema {
    package static let historyEntry = object([
        "attempt": string(), "outcome": string(), "at": time, "actor": string(), "code": string().orNull,
        "message": string().orNull, "providerRequestId": string().orNull,
    ]).named("HistoryEntry")

    package static let inspection = object([
        "channelId": string(), "method": oneOf(["inspect", "probe", "none"]),
        "result": oneOf(
            ["alive", "dead", "unknown", "unsupported", "impossible", "unreachable"]
                + AnswerClass.allCases.map(\.rawValue).filter { $0 != "unknown" },
            "`client`: the provider refuses the app, which says nothing of the channel."),
        "reason": string().orNull, "message": string(), "accessExpiresAt": time.orNull, "neverExpires": boolean(),
        "dataAccessExpiresAt": time.orNull,
        "scopes": Schema(["type": ["array", "null"], "items": ["type": "string"]]), "externalId": string().orNull,
    ]).named("Inspection")

    package static let reported = object([
        "channelId": string(), "verdict": oneOf(["old_epoch", "known", "alive", "refreshed"]), "message": string(),
        "refresh": refresh.orNull,
    ]).named("Report")
}
