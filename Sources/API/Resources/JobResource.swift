package import Domain

extension JSON {
    package static func job(_ job: Job) -> JSON {
        var members: [String: JSON] = [
            "id": .string(job.id), "kind": .string(job.kind.rawValue), "state": .string(job.state.rawValue),
            "tenantId": JSON(job.tenantID), "processed": JSON(job.processed), "total": JSON(job.total),
            "succeeded": JSON(job.succeeded), "failed": JSON(job.failed), "skipped": JSON(job.skipped),
            "results": .array(job.results.map { .refresh($0) }), "createdAt": JSON(job.createdAt),
            "runAt": JSON(job.runAt), "finishedAt": JSON(job.finishedAt), "error": JSON(job.error),
        ]
        if let report = job.cleanup { members["cleanup"] = cleanup(report) }
        return .object(members)
    }

    package static func cleanup(_ report: CleanupReport) -> JSON {
        .object(
            Dictionary(
                uniqueKeysWithValues: CleanupStep.allCases.map { ($0.rawValue, JSON(report.counts[$0] ?? 0)) }))
    }

    /// A finished job with what S1's callers look for.
    package static func batch(_ job: Job) -> JSON { .job(job) }

    package static func jobPage(_ jobs: [Job], next: String?, counts: [Job.State: Int]) -> JSON {
        var members = jobCounts(counts)
        members["items"] = .array(jobs.map { .job($0) })
        members["nextCursor"] = JSON(next)
        return .object(members)
    }

    /// S1's four numbers.
    static func jobCounts(_ counts: [Job.State: Int]) -> [String: JSON] {
        [
            "jobsActive": JSON(counts[.active] ?? 0),
            "jobsWaiting": JSON((counts[.waiting] ?? 0) + (counts[.delayed] ?? 0)),
            "jobsCompleted": JSON(counts[.completed] ?? 0), "jobsFailed": JSON(counts[.failed] ?? 0),
        ]
    }
}

extension Schema {
    package static let job = object(
        [
            "id": string(), "kind": oneOf(JobWork.Kind.allCases.map(\.rawValue)),
            "state": oneOf(Job.State.allCases.map(\.rawValue)),
            "tenantId": string().orNull, "processed": integer(), "total": integer().orNull, "succeeded": integer(),
            "failed": integer(), "skipped": integer(), "results": list(of: refresh, max: Job.resultsMax),
            "createdAt": time, "runAt": time, "finishedAt": time.orNull,
            "error": string("Why its last try ended early.").orNull,
            "cleanup": object(
                Dictionary(uniqueKeysWithValues: CleanupStep.allCases.map { ($0.rawValue, integer()) })
            ).described("Of a cleanup: rows removed, or that would be."),
        ], optional: ["cleanup"]
    ).named("Job")

    package static let batch = job

    static let jobCounts: [String: Schema] = [
        "jobsActive": integer(), "jobsWaiting": integer("Delayed ones included."), "jobsCompleted": integer(),
        "jobsFailed": integer(),
    ]

    package static let jobPage = object(
        ["items": list(of: job, max: 500), "nextCursor": string().orNull].merging(jobCounts) { first, _ in first }
    ).named("JobPage")
}
