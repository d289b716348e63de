package import Domain

extension JSON {
    package static func job(_ job: Job) -> JSON {
        [
            "id": .string(job.id), "kind": .string(job.kind), "state": .string(job.state.rawValue),
            "tenantId": JSON(job.tenantID), "processed": JSON(job.processed), "total": JSON(job.total),
            "succeeded": JSON(job.succeeded), "failed": JSON(job.failed), "skipped": JSON(job.skipped),
            "results": .array(job.results.map { .refresh($0) }), "createdAt": JSON(job.createdAt),
            "runAt": JSON(job.runAt), "finishedAt": JSON(job.finishedAt),
        ]
    }

    /// A finished job with what S1's callers look for.
    package static func batch(_ job: Job) -> JSON { .job(job) }

    package static func jobPage(_ jobs: [Job], next: String?, counts: [Job.State: Int]) -> JSON {
        [
            "items": .array(jobs.map { .job($0) }), "nextCursor": JSON(next),
            "jobsActive": JSON(counts[.active] ?? 0),
            "jobsWaiting": JSON((counts[.waiting] ?? 0) + (counts[.delayed] ?? 0)),
            "jobsCompleted": JSON(counts[.completed] ?? 0), "jobsFailed": JSON(counts[.failed] ?? 0),
        ]
    }
}

extension Schema {
    package static let job = object([
        "id": string(), "kind": string(), "state": oneOf(Job.State.allCases.map(\.rawValue)),
        "tenantId": string().orNull, "processed": integer(), "total": integer().orNull, "succeeded": integer(),
        "failed": integer(), "skipped": integer(), "results": list(of: refresh, max: Job.resultsMax),
        "createdAt": time, "runAt": time, "finishedAt": time.orNull,
    ]).named("Job")

    package static let batch = job

    package static let jobPage = object([
        "items": list(of: job, max: 500), "nextCursor": string().orNull, "jobsActive": integer(),
        "jobsWaiting": integer(), "jobsCompleted": integer(), "jobsFailed": integer(),
    ]).named("JobPage")
}
