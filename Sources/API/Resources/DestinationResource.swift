package import Domain
package import FoundationEssentials

extension JSON {
    /// A destination as lists show it; nothing of it is a secret.
    ///
    /// - Parameter secret: of a webhook, shown this once.
    package static func destination(
        _ destination: DestinationSummary, mutes: [Mute] = [], secret: Secret? = nil, now: Date = Date()
    ) -> JSON {
        let match = destination.match
        func list(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }
        var members: [String: JSON] = [
            "id": .string(destination.id), "tenantId": JSON(destination.tenantID), "name": .string(destination.name),
            "kind": .string(destination.kind.rawValue), "isDefault": .bool(destination.isDefault),
            "match": [
                "tenants": list(match.tenants), "providers": list(match.providers), "types": list(match.types),
                "minimumSeverity": JSON(match.minimumSeverity?.rawValue),
            ],
            "recipients": list(destination.recipients), "escalatesTo": JSON(destination.escalatesTo),
            "state": .string(destination.state(at: now)), "parkedUntil": JSON(destination.parking(at: now)),
            "fault": JSON(destination.fault), "failures": JSON(destination.failures),
            "muted": list(mutes.filter { $0.destinationID == destination.id }.map(\.recipient)),
            "createdAt": JSON(destination.createdAt),
        ]
        if let secret { members["secret"] = .string(secret.reveal()) }
        return .object(members)
    }
}

extension DestinationSummary {
    /// `ok`, `parked` (the receiver asked for a pause), `failing` (the breaker tries it now and then), `degraded`.
    package func state(at now: Date) -> String {
        if fault != nil { return "degraded" }
        if failures >= Self.breakerThreshold { return "failing" }
        return parking(at: now) == nil ? "ok" : "parked"
    }

    /// Nil when it is over.
    func parking(at now: Date) -> Date? { parkedUntil.flatMap { $0 > now ? $0 : nil } }
}

extension Schema {
    private static let names = list(of: string(length: 1...200), max: 200)

    private static let destinationMatch = options([
        "tenants": names, "providers": names, "types": names, "minimumSeverity": severity.orNull,
    ])

    private static let destinationMembers: [String: Schema] = [
        "id": string(), "tenantId": string("Whose it is; null: the platform's.").orNull, "name": string(),
        "kind": oneOf(DestinationKind.allCases.map(\.rawValue)),
        "isDefault": boolean("Told what no other destination asks for."), "match": destinationMatch,
        "recipients": list(of: string()),
        "escalatesTo": string("Told when two reminders were not answered.").orNull,
        "state": oneOf(["ok", "parked", "failing", "degraded"]), "parkedUntil": time.orNull,
        "fault": string("The last message given up, until one is taken.").orNull,
        "failures": integer("Attempts in a row that failed."),
        "muted": list(of: string()).described("Recipients that asked for no more; an empty one is all."),
        "createdAt": time, "secret": string("Of a webhook, when it was made just now."),
    ]

    package static let destination = object(destinationMembers, optional: ["secret"]).named("Destination")

    /// What a request may say; which members a kind needs, the route tells.
    static func destinationFields(required: Set<String>) -> Schema {
        let members: [String: Schema] = [
            "name": string(length: 1...80), "kind": oneOf(DestinationKind.allCases.map(\.rawValue)),
            "tenantId": string(length: 1...1000).orNull, "isDefault": boolean(), "match": destinationMatch,
            "recipients": list(of: string(length: 3...254), max: 50), "escalatesTo": string(length: 1...200).orNull,
            "url": string("Of slack_webhook and webhook.", length: 1...2048),
            "secret": string("Of webhook: whsec_…; made when left out.", length: 1...400),
            "rotateSecret": boolean("Makes a new secret; the old one signs beside it for a day."),
            "token": string("Of slack_bot.", length: 1...400), "channel": string("Of slack_bot.", length: 1...80),
            "signingSecret": string("Of slack_bot: proves its buttons.", length: 1...400),
            "api": string("Of slack_bot: another base of the Web API.", length: 1...2048),
            "server": string("Of email: smtp:// or smtps:// with user and password.", length: 1...2048),
            "sender": string("Of email.", length: 3...400),
        ]
        return object(members, optional: Set(members.keys).subtracting(required))
    }

    static let proof = object([
        "destinationId": string(), "isDelivered": boolean(), "code": string(), "message": string(),
    ]).named("DestinationProof")

    package static let routeExplanation = object([
        "type": string(), "severity": severity, "tenantId": string().orNull, "provider": string().orNull,
        "silencedUntil": time.orNull,
        "destinations": list(
            of: object([
                "id": string(), "name": string(), "isTold": boolean(), "isMuted": boolean(), "why": string(),
                "escalatesTo": string().orNull,
            ])),
    ]).named("RouteExplanation")
}
