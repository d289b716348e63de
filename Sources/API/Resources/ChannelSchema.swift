/// The shapes of DESIGN §3.5 for channels, tokens and refreshes, as the document tells them.
extension Schema {
    package static let channel = object([
        "id": string(), "tenantId": string(), "userId": string().orNull, "provider": string(),
        "displayName": string().orNull, "localName": string().orNull, "externalId": string().orNull,
        "params": map(of: string(), "Connection parameters of the provider's entry."),
        "meta": anyObject.described("The platform's own."), "scopes": list(of: string()),
        "status": oneOf(["active", "warning", "paused", "disconnected"]), "warning": warning.orNull,
        "hasRefreshToken": boolean(), "accessIssuedAt": time.orNull, "accessExpiresAt": time.orNull,
        "refreshExpiresAt": time.orNull, "minutesUntilExpiration": integer().orNull, "lastRefreshAt": time.orNull,
        "nextRefreshAt": time.orNull, "humanDeadline": time.orNull, "consecutiveFailures": integer(),
        "lastOutcome": string().orNull, "lastError": string().orNull,
        "epoch": integer("Grows by one at every write of the credential."), "createdAt": time, "updatedAt": time,
    ]).named("Channel")

    private static let warning = object([
        "reason": string(), "code": string().orNull, "message": string().orNull, "since": time.orNull,
        "link": string("Where a human mends it.").orNull,
    ]).named("Warning")

    package static let token = object([
        "accessToken": string(), "tokenType": string(), "expiresAt": time.orNull, "epoch": integer(),
        "stale": boolean("Less than `minTtl` is left."),
    ]).named("Token")

    package static let refresh = object([
        "channelId": string(), "outcome": string(), "reason": string("A stable code."),
        "message": string("A sentence for people."), "expiresAt": time.orNull, "nextRefreshAt": time.orNull,
        "providerRequestId": string().orNull,
    ]).named("Refresh")

    package static let refreshOptions = options([
        "force": boolean("Ignore the window; never the provider's limits or a pause."),
        "retryDead": boolean("Try a dead grant once more."), "dryRun": boolean("Judge only; nobody is called."),
    ])

    private static let timeOrSeconds = Schema([
        "type": ["string", "integer", "null"], "description": "RFC 3339, or epoch seconds.",
    ])

    private static let grantMembers: [String: Schema] = [
        "accessToken": string(length: 0...16_384).orNull, "refreshToken": string(length: 0...16_384).orNull,
        "accessIssuedAt": timeOrSeconds, "accessExpiresAt": timeOrSeconds, "refreshExpiresAt": timeOrSeconds,
        "scopes": Schema([
            "anyOf": [
                ["type": ["string", "null"], "description": "Separated by spaces."],
                ["type": "array", "items": ["type": "string"]],
            ]
        ]),
        "params": Schema(["type": ["object", "null"], "additionalProperties": ["type": "string"]])
            .described("Connection parameters of the provider's entry."),
    ]

    /// What `PUT …/credential` takes; an access or a refresh token is required.
    package static let newCredential = options(grantMembers)

    /// What `PATCH /v1/channels/{id}` takes.
    package static let channelChange: Schema = {
        var members: [String: Schema] = ["meta": Schema(["type": ["object", "null"]]).described("At most 64 KiB.")]
        for name in ["userId", "displayName", "localName", "externalId"] {
            members[name] = string(length: 0...1000).orNull
        }
        return options(members)
    }()

    /// What `POST /v1/channels` takes.
    package static func newChannel(providers: [String]) -> Schema {
        var members = grantMembers
        for name in ["id", "tenantId", "userId", "displayName", "localName", "externalId"] {
            members[name] = string(length: 0...(name == "id" ? 200 : 1000)).orNull
        }
        members["provider"] = oneOf(providers, "An entry of the catalogue.")
        members["status"] = oneOf(["active", "paused"]).orNull
        members["meta"] = Schema(["type": ["object", "null"]]).described("The platform's own, at most 64 KiB.")
        return object(members, optional: Set(members.keys).subtracting(["provider"]))
    }
}
