import Domain
import FoundationEssentials

/// `/v1/destinations`: who is told.
struct DestinationRoutes: Sendable {
    let ports: HTTPInterface.Ports

    /// Ids of destinations that settings make; they change there.
    static let environmentPrefix = "env:"

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/destinations",
            Operation(
                "listDestinations", "Lists where messages go; shows no secret.", tag: "destinations", access: .tenant,
                answers: [
                    .json(.object(["items": .list(of: .destination), "nextCursor": .string().orNull]))
                ])
        ) { request, _ in
            let (_, tenant) = try await ports.scope(of: request)
            let mutes = try await ports.relaying.control.mutes(tenantID: tenant)
            let destinations = try await ports.incidents.destinations(tenantID: tenant)
            return .json(.page(destinations.map { .destination($0, mutes: mutes) }, next: nil))
        }
        router.on("GET", "/v1/destinations/explain", Self.explaining) { request, _ in try await explain(request) }
        router.on(
            "POST", "/v1/destinations",
            Operation(
                "addDestination", "Adds a destination; a webhook's secret that is made here is shown this once.",
                tag: "destinations", access: .tenant, body: .destinationFields(required: ["name", "kind"]),
                answers: [.json(.destination, status: 201, "Made.")])
        ) { request, _ in try await add(request) }
        router.on(
            "GET", "/v1/destinations/{id}",
            Operation(
                "showDestination", "Shows a destination, without its secrets.", tag: "destinations", access: .tenant,
                answers: [.json(.destination)])
        ) { request, path in
            let (_, tenant) = try await ports.scope(of: request)
            return .json(try await resource(path["id"] ?? "", tenant))
        }
        router.on(
            "PATCH", "/v1/destinations/{id}",
            Operation(
                "changeDestination", "Changes what is given; a webhook's former secret signs for a day more.",
                tag: "destinations", access: .tenant, body: .destinationFields(required: []),
                answers: [.json(.destination), .problem(409, "Settings make this destination.")])
        ) { request, path in try await change(request, path["id"] ?? "") }
        router.on(
            "DELETE", "/v1/destinations/{id}",
            Operation(
                "removeDestination", "Removes a destination; what waits for it is dropped.", tag: "destinations",
                access: .tenant, answers: [.empty("Removed."), .problem(409, "Settings make this destination.")])
        ) { request, path in try await remove(request, path["id"] ?? "") }
        router.on(
            "POST", "/v1/destinations/{id}/test",
            Operation(
                "testDestination", "Sends a test message now and says how it went.", tag: "destinations",
                access: .tenant, answers: [.json(.proof, "Tried, whatever came of it.")])
        ) { request, path in try await test(request, path["id"] ?? "") }
    }

    private static let explaining = Operation(
        "explainRoute", "Says where news would go, and why.", tag: "destinations", access: .tenant,
        query: [
            .query(
                "type", .oneOf(MessageType.allCases.map(\.rawValue)), "channel.reauthorization_required when left out."),
            .query("severity", .severity, "What the type has most often when left out."),
            .query("tenantId", .string(length: 1...1000), "Of this tenant."),
            .query("provider", .string(length: 1...200), "Of this provider."),
            .query("channelId", .string(length: 1...200), "About this channel: tells tenant and provider."),
        ], answers: [.json(.routeExplanation)])

    private func explain(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let type = request.parameter("type").flatMap(MessageType.init) ?? .channelReauthorizationRequired
        var news = RoutedNews(
            tenantID: request.parameter("tenantId"), provider: request.parameter("provider"), type: type,
            severity: request.parameter("severity").flatMap(Severity.init) ?? RouteExplanation.severity(of: type))
        let channelID = request.parameter("channelId").map { ChannelID(rawValue: $0) }
        if let channelID {
            guard let channel = try await ports.channels.channel(channelID, tenantID: tenant) else {
                throw Problem.unknownChannel
            }
            news.tenantID = channel.tenantID
            news.provider = channel.provider
        }
        if let tenant { news.tenantID = tenant }
        let control = ports.relaying.control
        let explanation = RouteExplanation(
            news, channel: channelID, among: try await ports.incidents.destinations(tenantID: nil),
            silences: try await control.silences(isActive: true, tenantID: tenant, limit: 500),
            mutes: try await control.mutes(tenantID: nil), now: Date())
        return .json(explanation.json(of: tenant))
    }

    private func add(_ request: APIRequest) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let body = try request.object()
        let owner = body["tenantId"]?.text
        if let tenant, let owner, owner != tenant { throw Problem.forbidden }
        if tenant != nil, body["api"] != nil { throw Problem.forbidden }
        do {
            let (destination, secret) = try DestinationFields(body).made(
                tenantID: tenant ?? owner, generatedSecret: ports.relaying.proving.generatedSecret)
            try await store(destination, "destination.added", tenant, by: request.actor(caller))
            return .json(try await resource(destination.id, tenant, secret: secret), status: 201)
        } catch let error as IntakeError {
            throw Problem.badRequest("\(error).")
        }
    }

    private func change(_ request: APIRequest, _ id: String) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let body = try request.object()
        guard var destination = try await ports.incidents.destination(id, tenantID: tenant) else {
            throw Problem.unknownDestination
        }
        try Self.refuseEnvironment(id)
        if tenant != nil, body["api"] != nil { throw Problem.forbidden }
        if let owner = body["tenantId"], owner.text != destination.tenantID {
            throw Problem.badRequest("A destination stays its owner's: make another one.")
        }
        do {
            let secret = try DestinationFields(body).change(
                &destination, now: Date(), generatedSecret: ports.relaying.proving.generatedSecret)
            try await store(destination, "destination.changed", tenant, by: request.actor(caller))
            return .json(try await resource(id, tenant, secret: secret))
        } catch let error as IntakeError {
            throw Problem.badRequest("\(error).")
        }
    }

    private func store(
        _ destination: Destination, _ action: String, _ tenant: String?, by actor: AuditActor
    ) async throws {
        do {
            try ports.relaying.proving.check(destination)
        } catch {
            throw Problem.badRequest("\(error)")
        }
        if let above = destination.escalatesTo {
            let known = try await ports.incidents.destinations(tenantID: tenant).contains { $0.id == above }
            guard known, above != destination.id else {
                throw Problem.badRequest("`escalatesTo` is not the id of another destination of yours.")
            }
        }
        try await ports.incidents.put(destination)
        try await ports.audit.record(
            AuditChange(action: action, tenantID: destination.tenantID, subject: destination.id), by: actor)
        ports.relaying.cadence.send()
    }

    private func remove(_ request: APIRequest, _ id: String) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        guard try await ports.incidents.destinations(tenantID: tenant).contains(where: { $0.id == id }) else {
            throw Problem.unknownDestination
        }
        try Self.refuseEnvironment(id)
        guard try await ports.incidents.removeDestination(id, tenantID: tenant) else {
            throw Problem.unknownDestination
        }
        try await ports.audit.record(
            AuditChange(action: "destination.removed", tenantID: tenant, subject: id), by: request.actor(caller))
        return APIResponse(status: 204)
    }

    private func test(_ request: APIRequest, _ id: String) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        guard let destination = try await ports.incidents.destination(id, tenantID: tenant) else {
            throw Problem.unknownDestination
        }
        let proof = await ports.relaying.proving.prove(destination)
        if proof.succeeded {
            try await ports.relaying.log.noteTest(of: id)
            ports.relaying.relay.send()
        }
        return .json([
            "destinationId": .string(id), "isDelivered": .bool(proof.succeeded), "code": .string(proof.code),
            "message": .string(proof.sentence),
        ])
    }

    private func resource(_ id: String, _ tenant: String?, secret: Secret? = nil) async throws -> JSON {
        let known = try await ports.incidents.destinations(tenantID: tenant).first { $0.id == id }
        guard let known else { throw Problem.unknownDestination }
        return .destination(known, mutes: try await ports.relaying.control.mutes(tenantID: tenant), secret: secret)
    }

    private static func refuseEnvironment(_ id: String) throws(Problem) {
        guard id.hasPrefix(environmentPrefix) else { return }
        throw Problem(
            409, "destination-of-settings", title: "Settings make this destination",
            detail: "It would come back as it was at the next start.", hint: "Change the settings and restart.")
    }
}

extension Problem {
    static let unknownDestination = Problem(
        404, "unknown-destination", title: "There is no such destination",
        detail: "No destination of yours has this id.", hint: "List them with GET /v1/destinations.")
}
