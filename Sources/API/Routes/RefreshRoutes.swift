import Domain
import FoundationEssentials

/// Refreshes by list or filter, and the jobs that carry them out.
struct RefreshRoutes: Sendable {
    static let waitMax = 30
    static let channelsMax = 10_000
    /// A finished job is noticed this soon after its end.
    static let look: Duration = .milliseconds(100)

    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on("POST", "/v1/refreshes", Self.ordering) { request, _ in try await order(request) }
        router.on(
            "GET", "/v1/jobs",
            Operation(
                "listJobs", "Lists jobs, newest first, and how many there are of each kind.", tag: "jobs",
                access: .tenant,
                query: [
                    .query("state", .oneOf(Job.State.allCases.map(\.rawValue)), "In this state."),
                    .query("tenantId", .string(length: 1...1000), "Of this tenant."),
                ] + Operation.paging,
                answers: [.json(.jobPage)])
        ) { request, _ in try await list(request) }
        router.on(
            "POST", "/v1/jobs",
            Operation(
                "createJob", "Starts a sweep or a cleanup now.", tag: "jobs", access: .superadmin,
                query: [.query("wait", .integer("", 0...Self.waitMax), "Seconds to wait for the end.")],
                body: .object(
                    [
                        "kind": .oneOf(["sweep", "cleanup"]),
                        "dryRun": .boolean("Of a cleanup: count what would go, remove nothing."),
                    ], optional: ["dryRun"]),
                answers: Self.accepted)
        ) { request, _ in
            let body = try request.object()
            return try await start(
                body["kind"]?.text == "sweep" ? .sweep : .cleanup(dryRun: body["dryRun"] == true), request)
        }
        router.on(
            "GET", "/v1/jobs/{id}",
            Operation("showJob", "Shows a job with its results.", tag: "jobs", access: .tenant, answers: [.json(.job)])
        ) { request, path in
            let (_, tenant) = try await ports.scope(of: request)
            guard let job = try await ports.work.jobs.job(path["id"] ?? "", tenantID: tenant) else {
                throw Problem.unknownJob
            }
            return .json(.job(job))
        }
        router.on(
            "DELETE", "/v1/jobs/{id}",
            Operation(
                "cancelJob", "Cancels a job; what is under way ends by itself.", tag: "jobs", access: .tenant,
                answers: [.json(.job)])
        ) { request, path in
            let (caller, tenant) = try await ports.scope(of: request)
            let job = try await ports.work.jobs.cancelJob(
                path["id"] ?? "", tenantID: tenant, actor: request.actor(caller))
            guard let job else { throw Problem.unknownJob }
            return .json(.job(job))
        }
    }

    private static let ordering = Operation(
        "refreshChannels", "Refreshes the channels that match, as a job.", tag: "refreshes", access: .tenant,
        query: [.query("wait", .integer("", 0...waitMax), "Seconds to wait for the end.")],
        body: .options([
            "tenantId": .string(length: 1...1000).orNull, "userId": .string(length: 1...1000).orNull,
            "provider": .string(length: 1...200).orNull,
            "channelIds": Schema([
                "type": ["array", "null"], "maxItems": JSON(channelsMax),
                "items": ["type": "string", "minLength": 1, "maxLength": 200],
            ]),
            "force": .boolean("Ignore the window; never the provider's limits or a pause."),
            "retryDead": .boolean("Try dead grants once more."), "dryRun": .boolean("Judge only; nobody is called."),
            "delayMinutes": .integer("Begin so much later.", 0...525_600),
        ]), isBodyRequired: false, answers: accepted)

    private static let accepted: [Operation.Answer] = [
        .json(.batch, "Done within `wait`."),
        .json(.job, status: 202, "Accepted.", headers: ["Location": "The job."]),
    ]

    private func order(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let body = try request.object()
        var order = RefreshOrder(body, tenantID: body["tenantId"]?.text ?? tenant)
        if let tenant, order.tenantID != tenant {
            // A foreign tenant has no channels, as an unknown one.
            order.tenantID = tenant
            order.channelIDs = []
        }
        var delay = Duration.zero
        if case .int(let minutes)? = body["delayMinutes"] { delay = .seconds(minutes * 60) }
        return try await start(.refresh(order), request, delay: delay)
    }

    /// Records a job, waits for its end as long as is asked, and answers with it.
    private func start(_ work: JobWork, _ request: APIRequest, delay: Duration = .zero) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        let job = try await ports.submit(work, tenantID: tenant, delay: delay, by: request.actor(caller))
        let wait = request.parameter("wait").flatMap { Int($0) } ?? 0
        let ended = try await ports.wait(for: job, tenantID: tenant, atMost: .seconds(wait))
        if ended.state.isFinished { return .json(.batch(ended)) }
        var response = APIResponse.json(.job(ended), status: 202)
        response.headers.append(HeaderField("Location", "/v1/jobs/\(job)"))
        return response
    }

    private func list(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let asked = request.parameter("tenantId")
        if let asked, let tenant, asked != tenant { return .json(.jobPage([], next: nil, counts: [:])) }
        let limit = request.limit
        let jobs = try await ports.work.jobs.jobs(
            JobQuery(
                tenantID: tenant ?? asked, state: request.parameter("state").flatMap(Job.State.init),
                before: request.parameter("cursor"), limit: limit + 1))
        let page = jobs.prefix(limit)
        let counts = try await ports.work.jobs.jobCounts(tenantID: tenant ?? asked)
        return .json(
            .jobPage(Array(page), next: jobs.count > limit ? page.last?.id : nil, counts: counts))
    }
}

extension HTTPInterface.Ports {
    /// Records a job and wakes its worker; the job's id.
    ///
    /// A superadmin's refresh of one tenant's channels is the tenant's job.
    func submit(
        _ work: JobWork, tenantID: String?, delay: Duration = .zero, by actor: AuditActor
    ) async throws -> String {
        let id = Job.generatedID()
        try await self.work.jobs.insertJob(
            work, id: id, tenantID: tenantID ?? work.order?.tenantID, delay: delay, actor: actor)
        self.work.jobSignal.send()
        return id
    }

    /// The job as it is when it has ended, or when the time is over.
    func wait(for id: String, tenantID: String?, atMost limit: Duration) async throws -> Job {
        let deadline = ContinuousClock.now + limit
        while true {
            guard let job = try await work.jobs.job(id, tenantID: tenantID) else { throw Problem.unknownJob }
            if job.state.isFinished || ContinuousClock.now >= deadline { return job }
            try await ContinuousClock().sleep(for: RefreshRoutes.look)
        }
    }
}

extension Problem {
    static let unknownJob = Problem(
        404, "unknown-job", title: "There is no such job", detail: "No job of yours has this id.",
        hint: "List them with GET /v1/jobs.")
}
