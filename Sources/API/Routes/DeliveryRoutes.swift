package import Domain
import FoundationEssentials

/// `/v1/deliveries`: the log of messages, and replaying the dead.
struct DeliveryRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/deliveries",
            Operation(
                "listDeliveries", "Lists messages, newest first.", tag: "deliveries", access: .tenant,
                query: [
                    .query("state", .oneOf(DeliveryState.allCases.map(\.rawValue)), "In this state."),
                    .query("destinationId", .string(length: 1...200), "To this destination."),
                    .query("incidentId", .string(pattern: "^[0-9]{1,18}$"), "That carry this incident."),
                    .query("limit", .integer("", 1...500), "At most this many; 100 when left out."),
                    .query("cursor", .string(pattern: "^[A-Za-z0-9_]{1,80}$"), "`nextCursor` of the page before."),
                ], answers: [.json(.page(of: .delivery))])
        ) { request, _ in try await list(request) }
        router.on(
            "GET", "/v1/deliveries/{id}",
            Operation(
                "showDelivery", "Shows a message with every attempt: status, time, and the first kilobyte answered.",
                tag: "deliveries", access: .tenant, answers: [.json(.deliveryLog)])
        ) { request, path in
            let (_, tenant) = try await ports.scope(of: request)
            guard let (record, attempts) = try await ports.relaying.log.delivery(path["id"] ?? "", tenantID: tenant)
            else { throw Problem.unknownDelivery }
            return .json(.delivery(record, attempts))
        }
        router.on(
            "POST", "/v1/deliveries/replay",
            Operation(
                "replayDeliveries", "Sends dead messages again, with their ids, and unparks their destinations.",
                tag: "deliveries", access: .tenant,
                body: .options([
                    "destinationId": .string(length: 1...200).orNull,
                    "type": .oneOf(MessageType.allCases.map(\.rawValue)).orNull, "since": .time.orNull,
                    "limit": .integer("The oldest first; 1000 when left out.", 1...1000),
                ]), isBodyRequired: false,
                answers: [
                    .json(
                        .object(["replayed": .integer(), "deliveryIds": .list(of: .string())]), status: 202, "Queued.")
                ])
        ) { request, _ in try await replayMany(request) }
        router.on(
            "POST", "/v1/deliveries/{id}/replay",
            Operation(
                "replayDelivery", "Sends a dead message again, with its id, and unparks its destination.",
                tag: "deliveries", access: .tenant,
                answers: [
                    .json(.object(["deliveryId": .string(), "state": .string()]), status: 202, "Queued."),
                    .problem(409, "It is not dead, or what it tells has ended."),
                ])
        ) { request, path in try await replay(request, path["id"] ?? "") }
    }

    private func list(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let limit = request.limit
        var query = DeliveryQuery(tenantID: tenant, limit: limit + 1)
        query.state = request.parameter("state").flatMap(DeliveryState.init)
        query.destinationID = request.parameter("destinationId")
        query.incidentID = request.parameter("incidentId").flatMap { Int64($0) }
        query.before = request.parameter("cursor")
        let deliveries = try await ports.incidents.deliveries(query)
        let page = deliveries.prefix(limit)
        let next = deliveries.count > limit ? page.last?.id : nil
        return .json(.page(page.map { .delivery($0) }, next: next))
    }

    private func replayMany(_ request: APIRequest) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let body = try request.object()
        var filter = ReplayFilter(tenantID: tenant)
        filter.destinationID = body["destinationId"]?.text
        filter.type = body["type"]?.text.flatMap(MessageType.init)
        if let since = body["since"]?.text {
            guard let time = Date(rfc3339: since) else { throw Problem.badRequest("`since` is not an RFC 3339 time.") }
            filter.since = time
        }
        if case .int(let limit)? = body["limit"] { filter.limit = Int(limit) }
        let ids = try await ports.relaying.log.replay(filter, by: request.actor(caller))
        ports.relaying.dispatcher.send()
        return .json(
            ["replayed": JSON(ids.count), "deliveryIds": .array(ids.map { .string($0) })], status: 202)
    }

    private func replay(_ request: APIRequest, _ id: String) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let result = try await ports.incidents.replay(id, tenantID: tenant)
        switch result {
        case .queued:
            try await ports.audit.record(
                AuditChange(action: "delivery.replayed", tenantID: tenant, subject: id), by: request.actor(caller))
            ports.relaying.dispatcher.send()
            return .json(["deliveryId": .string(id), "state": "pending"], status: 202)
        case .notFound: throw Problem.unknownDelivery
        case .notDead(let state):
            throw Problem(
                409, "delivery-not-dead", title: "Only dead messages are sent again",
                detail: "This one is \(state.rawValue).", hint: "Nothing needs to be done.")
        case .incidentClosed:
            throw Problem(
                409, "incident-closed", title: "What the message tells has ended",
                detail: "Sending it again would tell an end as if it were still open.",
                hint: "Nothing needs to be done.")
        }
    }
}

extension Problem {
    static let unknownDelivery = Problem(
        404, "unknown-delivery", title: "There is no such delivery", detail: "No delivery of yours has this id.",
        hint: "List them with GET /v1/deliveries.")
}

extension JSON {
    /// - Parameter attempts: nil: without the log, as lists show it.
    package static func delivery(_ record: DeliveryRecord, _ attempts: [DeliveryAttempt]? = nil) -> JSON {
        var members: [String: JSON] = [
            "id": .string(record.id), "destinationId": .string(record.destinationID),
            "destinationName": JSON(record.destinationName), "recipient": .string(record.recipient),
            "kind": .string(record.kind.rawValue), "type": .string(record.type.rawValue),
            "state": .string(record.state.rawValue), "incidentIds": .array(record.incidents.map { .string("\($0)") }),
            "attempts": JSON(record.attempts), "maybeArrived": .bool(record.maybeArrived), "code": JSON(record.code),
            "error": JSON(record.error), "createdAt": JSON(record.createdAt), "runAt": JSON(record.runAt),
            "finishedAt": JSON(record.finishedAt),
        ]
        if let attempts {
            members["log"] = .array(
                attempts.map { attempt in
                    [
                        "number": JSON(attempt.number), "at": JSON(attempt.at), "outcome": .string(attempt.outcome),
                        "code": .string(attempt.code), "message": .string(attempt.message),
                        "milliseconds": JSON(attempt.milliseconds), "excerpt": JSON(attempt.excerpt),
                    ]
                })
        }
        return .object(members)
    }
}

extension Schema {
    private static let deliveryMembers: [String: Schema] = [
        "id": string("Stable over attempts and replays: the webhook's id."), "destinationId": string(),
        "destinationName": string().orNull, "recipient": string("An e-mail address; empty for other kinds."),
        "kind": oneOf(MessageKind.allCases.map(\.rawValue)), "type": oneOf(MessageType.allCases.map(\.rawValue)),
        "state": oneOf(DeliveryState.allCases.map(\.rawValue)), "incidentIds": list(of: string()),
        "attempts": integer(), "maybeArrived": boolean("An attempt passed its send without an answer."),
        "code": string("Of the last attempt.").orNull, "error": string().orNull, "createdAt": time,
        "runAt": time.described("When it is looked at next, while pending or sending."), "finishedAt": time.orNull,
    ]

    package static let delivery = object(deliveryMembers).named("Delivery")

    package static let deliveryLog = object(
        deliveryMembers.merging(
            [
                "log": list(
                    of: object([
                        "number": integer(), "at": time, "outcome": oneOf(["sent", "retried", "dead"]),
                        "code": string(), "message": string(), "milliseconds": integer(),
                        "excerpt": string("The first kilobyte of the answer, redacted.").orNull,
                    ]))
            ], uniquingKeysWith: { first, _ in first })
    ).named("DeliveryLog")
}
