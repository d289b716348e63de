import Domain
import FoundationEssentials

/// `/v1/schedules`: refreshes that come again, and the settings' sweeps and cleanup.
struct ScheduleRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/schedules",
            Operation(
                "listSchedules", "Lists schedules with their next runs, and how many jobs there are of each kind.",
                tag: "jobs", access: .tenant,
                query: [.query("tenantId", .string(length: 1...1000), "Of this tenant.")] + Operation.paging,
                answers: [.json(.schedulePage)])
        ) { request, _ in try await list(request) }
        router.on("POST", "/v1/schedules", Self.creation) { request, _ in try await create(request) }
        router.on(
            "DELETE", "/v1/schedules/{id}",
            Operation(
                "cancelSchedule", "Cancels a schedule; a job of it that is queued is done.", tag: "jobs",
                access: .tenant,
                answers: [.json(.cancelled), .problem(409, "It is one of the settings'.")])
        ) { request, path in
            let (caller, tenant) = try await ports.scope(of: request)
            switch try await ports.work.schedules.removeSchedule(
                path["id"] ?? "", tenantID: tenant, actor: request.actor(caller))
            {
            case .removed: return .json(["cancelled": 1])
            case .unknown: throw Problem.unknownSchedule
            case .ofSettings: throw Problem.settingsSchedule
            }
        }
        router.on(
            "DELETE", "/v1/schedules",
            Operation(
                "cancelSchedules", "Cancels all schedules of a tenant.", tag: "jobs", access: .tenant,
                query: [.query("tenantId", .string(length: 1...1000), "Of this tenant; a tenant's token needs none.")],
                answers: [.json(.cancelled)])
        ) { request, _ in try await removeAll(request) }
    }

    private static let creation = Operation(
        "createSchedule", "Schedules a refresh that comes again.", tag: "jobs", access: .tenant,
        body: .options([
            "kind": .oneOf(JobWork.Kind.allCases.map(\.rawValue), "A superadmin's: sweep, cleanup."),
            "tenantId": .string(length: 1...1000).orNull, "userId": .string(length: 1...1000).orNull,
            "provider": .string(length: 1...200).orNull,
            "channelIds": Schema([
                "type": ["array", "null"], "maxItems": JSON(RefreshRoutes.channelsMax),
                "items": ["type": "string", "minLength": 1, "maxLength": 200],
            ]),
            "force": .boolean("Ignore the window; never the provider's limits or a pause."),
            "intervalMinutes": .integer("Every so many minutes.", 1...ScheduleIntake.minutesMax).orNull,
            "cron": .string("Five fields, instead of an interval.", length: 1...200).orNull,
            "timeZone": .string("IANA, of the cron; UTC when left out.", length: 1...60).orNull,
        ]),
        answers: [
            .json(.schedule, status: 201, "Scheduled."),
            .problem(409, "The tenant has \(Schedule.perTenantMax) schedules already."),
        ])

    private func list(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let asked = request.parameter("tenantId")
        if let asked, let tenant, asked != tenant { return .json(.schedulePage([], next: nil, counts: [:])) }
        let limit = request.limit
        let schedules = try await ports.work.schedules.schedules(
            tenantID: tenant ?? asked, after: request.parameter("cursor"), limit: limit + 1)
        let page = schedules.prefix(limit)
        let counts = try await ports.work.jobs.jobCounts(tenantID: tenant ?? asked)
        return .json(
            .schedulePage(Array(page), next: schedules.count > limit ? page.last?.id : nil, counts: counts))
    }

    private func create(_ request: APIRequest) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let body = try request.object()
        let kind = body["kind"]?.text.flatMap(JobWork.Kind.init(rawValue:)) ?? .refresh
        let asked = body["tenantId"]?.text
        if let tenant, kind != .refresh || asked ?? tenant != tenant { throw Problem.forbidden }
        let owner = tenant ?? asked
        let work: JobWork =
            switch kind {
            case .refresh: .refresh(RefreshOrder(body, tenantID: owner))
            case .sweep: .sweep
            case .cleanup: .cleanup(dryRun: false)
            }
        var minutes: Int?
        if case .int(let number)? = body["intervalMinutes"] { minutes = Int(number) }
        let new: NewSchedule
        do {
            new = try ScheduleIntake(
                work: work, tenantID: owner, intervalMinutes: minutes, cron: body["cron"]?.text,
                timeZone: body["timeZone"]?.text
            ).schedule(now: Date())
        } catch {
            throw Problem.badRequest("\(error)".hasSuffix(".") ? "\(error)" : "\(error).")
        }
        guard try await ports.work.schedules.insertSchedule(new, actor: request.actor(caller)) else {
            throw Problem(
                409, "too-many-schedules", title: "There are too many schedules",
                detail: "A tenant has at most \(Schedule.perTenantMax).", hint: "Remove one first.")
        }
        ports.work.scheduleSignal.send()
        guard let made = try await ports.work.schedules.schedule(new.id, tenantID: tenant) else {
            throw Problem.unknownSchedule
        }
        return .json(.schedule(made), status: 201)
    }

    private func removeAll(_ request: APIRequest) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let asked = request.parameter("tenantId")
        guard let owner = asked ?? tenant else { throw Problem.badRequest("`tenantId` is required.") }
        // Another tenant's are none, as an unknown one's.
        if let tenant, owner != tenant { return .json(["cancelled": 0]) }
        let count = try await ports.work.schedules.removeSchedules(ofTenant: owner, actor: request.actor(caller))
        return .json(["cancelled": JSON(count)])
    }
}

extension RefreshOrder {
    /// The members of a body that choose channels, and how they are refreshed.
    init(_ body: JSON, tenantID: String?) {
        self.init(
            tenantID: tenantID, userID: body["userId"]?.text, provider: body["provider"]?.text,
            force: body["force"] == true, retryDead: body["retryDead"] == true, dryRun: body["dryRun"] == true)
        if case .array(let ids)? = body["channelIds"] {
            channelIDs = ids.compactMap { $0.text.map { ChannelID(rawValue: $0) } }
        }
    }
}

extension Schema {
    fileprivate static let cancelled = object(["cancelled": integer("How many.")]).named("Cancelled")
}

extension Problem {
    static let unknownSchedule = Problem(
        404, "unknown-schedule", title: "There is no such schedule", detail: "No schedule of yours has this id.",
        hint: "List them with GET /v1/schedules.")

    static let settingsSchedule = Problem(
        409, "settings-schedule", title: "This schedule is set by the settings",
        detail: "It would come back at the next start.", hint: "Change TOKENWARD_SWEEP or TOKENWARD_CLEANUP instead.")
}
