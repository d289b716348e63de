package import Domain
package import FoundationEssentials

/// `/v1/silences`: times in which incidents are not told.
struct SilenceRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/silences",
            Operation(
                "listSilences", "Lists silences, newest first.", tag: "incidents", access: .tenant,
                query: [
                    .query(
                        "state", .oneOf(["active", "all"]), "`active`, when left out, leaves out those that ended."),
                    .query("limit", .integer("", 1...500), "At most this many; 100 when left out."),
                ], answers: [.json(.page(of: .silence))])
        ) { request, _ in
            let (_, tenant) = try await ports.scope(of: request)
            let silences = try await ports.relaying.control.silences(
                isActive: request.parameter("state") != "all", tenantID: tenant, limit: request.limit)
            return .json(.page(silences.map { .silence($0) }, next: nil))
        }
        router.on(
            "POST", "/v1/silences",
            Operation(
                "addSilence", "Silences the incidents that meet all matchers; their ends are told all the same.",
                tag: "incidents", access: .tenant,
                body: .object(
                    [
                        "matchers": .silenceMatch, "startsAt": .time.orNull, "endsAt": .time,
                        "comment": .string("Why.", length: 0...500),
                    ], optional: ["startsAt", "comment"]),
                answers: [.json(.silence, status: 201, "Made.")])
        ) { request, _ in try await add(request) }
        router.on(
            "DELETE", "/v1/silences/{id}",
            Operation(
                "removeSilence", "Ends a silence now; what it held back is told.", tag: "incidents", access: .tenant,
                answers: [.empty("Ended.")])
        ) { request, path in
            let (caller, tenant) = try await ports.scope(of: request)
            guard
                try await ports.relaying.control.removeSilence(
                    path["id"] ?? "", tenantID: tenant, by: request.actor(caller))
            else {
                throw Problem(
                    404, "unknown-silence", title: "There is no such silence",
                    detail: "No silence of yours with this id is there, or it has ended.",
                    hint: "List them with GET /v1/silences.")
            }
            ports.relaying.cadence.send()
            return APIResponse(status: 204)
        }
    }

    private func add(_ request: APIRequest) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let body = try request.object()
        let now = Date()
        let match = SilenceMatch(body["matchers"] ?? [:])
        guard let ends = body["endsAt"]?.text.flatMap({ Date(rfc3339: $0) }) else {
            throw Problem.badRequest("`endsAt` is not an RFC 3339 time.")
        }
        let starts = body["startsAt"]?.text.flatMap { Date(rfc3339: $0) } ?? now
        let silence = Silence(
            tenantID: tenant, match: match, startsAt: starts, endsAt: ends, author: caller.name,
            comment: body["comment"]?.text ?? "", createdAt: now)
        if let fault = silence.fault(at: now) { throw Problem.badRequest(fault) }
        try await ports.relaying.control.addSilence(silence, by: request.actor(caller))
        return .json(.silence(silence), status: 201)
    }
}

extension Silence {
    /// What is wrong with it, as a sentence; nil: nothing.
    package func fault(at now: Date) -> String? {
        if match.isEmpty { return "A silence without any matcher would cover everything: name what is to be quiet." }
        if endsAt <= max(startsAt, now) { return "The silence ends before it begins, or has ended already." }
        if endsAt > max(startsAt, now).later(by: Silence.longest) { return "A silence lasts 400 days at most." }
        for type in match.types where MessageType(rawValue: type) == nil {
            return "There is no message type `\(type.prefix(60))`."
        }
        return nil
    }
}

extension SilenceMatch {
    init(_ json: JSON) {
        self.init(
            tenants: json.texts("tenants"), providers: json.texts("providers"), channels: json.texts("channels"),
            reasons: json.texts("reasons"), types: json.texts("types"),
            minimumSeverity: json["minimumSeverity"]?.text.flatMap(Severity.init),
            maximumSeverity: json["maximumSeverity"]?.text.flatMap(Severity.init),
            incident: json["incidentId"]?.text.flatMap { Int64($0) })
    }
}

extension JSON {
    /// The texts of a member that is a list; empty when it is missing.
    func texts(_ member: String) -> [String] {
        guard case .array(let items)? = self[member] else { return [] }
        return items.compactMap(\.text)
    }

    package static func silence(_ silence: Silence) -> JSON {
        let match = silence.match
        func list(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }
        return [
            "id": .string(silence.id), "tenantId": JSON(silence.tenantID),
            "matchers": [
                "tenants": list(match.tenants), "providers": list(match.providers), "channels": list(match.channels),
                "reasons": list(match.reasons), "types": list(match.types),
                "minimumSeverity": JSON(match.minimumSeverity?.rawValue),
                "maximumSeverity": JSON(match.maximumSeverity?.rawValue),
                "incidentId": JSON(match.incident.map { "\($0)" }),
            ],
            "startsAt": JSON(silence.startsAt), "endsAt": JSON(silence.endsAt), "author": .string(silence.author),
            "comment": .string(silence.comment), "createdAt": JSON(silence.createdAt),
        ]
    }
}

extension Schema {
    private static let names = list(of: string(length: 1...200), max: 200)
    static let severity = oneOf(Severity.allCases.map(\.rawValue))

    static let silenceMatch = options([
        "tenants": names, "providers": names, "channels": names.described("Ids of channels."), "reasons": names,
        "types": names.described("Of opening messages: `channel.reauthorization_required` …"),
        "minimumSeverity": severity.orNull, "maximumSeverity": severity.orNull,
        "incidentId": string("One incident alone: a snooze.", pattern: "^[0-9]{1,18}$").orNull,
    ])

    package static let silence = object([
        "id": string(), "tenantId": string().orNull, "matchers": silenceMatch, "startsAt": time, "endsAt": time,
        "author": string(), "comment": string(), "createdAt": time,
    ]).named("Silence")
}
