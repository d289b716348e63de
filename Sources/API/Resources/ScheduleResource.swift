package import Domain
package import FoundationEssentials
import Scheduling

extension JSON {
    /// The runs that are named ahead.
    static let runsAhead = 3

    package static func schedule(_ schedule: Schedule, now: Date = Date()) -> JSON {
        let order = schedule.work.order
        var members: [String: JSON] = [
            "id": .string(schedule.id), "kind": .string(schedule.work.kind.rawValue),
            "tenantId": JSON(schedule.tenantID), "userId": JSON(order?.userID), "provider": JSON(order?.provider),
            "channelIds": order?.channelIDs.map { .array($0.map { .string($0.rawValue) }) } ?? .null,
            "force": .bool(order?.force ?? false), "intervalMinutes": nil, "intervalSeconds": nil, "cron": nil,
            "timeZone": nil, "nextRunAt": JSON(schedule.nextAt),
            "nextRuns": .array(schedule.runsAhead(now: now).map { JSON($0) }), "lastRunAt": JSON(schedule.lastAt),
            "lastJobId": JSON(schedule.lastJobID), "runs": JSON(schedule.runs), "skipped": JSON(schedule.skipped),
            "isSetting": .bool(schedule.isSetting), "createdAt": JSON(schedule.createdAt),
        ]
        switch schedule.time {
        case .every(let interval):
            let seconds = interval.components.seconds
            members["intervalSeconds"] = .int(seconds)
            members["intervalMinutes"] = seconds % 60 == 0 ? .int(seconds / 60) : .null
        case .cron(let cron, let zone):
            members["cron"] = .string(cron)
            members["timeZone"] = .string(zone)
        }
        return .object(members)
    }

    package static func schedulePage(_ schedules: [Schedule], next: String?, counts: [Job.State: Int]) -> JSON {
        var members = jobCounts(counts)
        members["items"] = .array(schedules.map { schedule($0) })
        members["nextCursor"] = JSON(next)
        return .object(members)
    }
}

extension Schedule {
    /// The next runs, the first one as it is stored.
    package func runsAhead(now: Date, count: Int = JSON.runsAhead) -> [Date] {
        guard let nextAt, let recurrence = try? Recurrence(time) else { return [] }
        var runs = [nextAt]
        while runs.count < count, let last = runs.last,
            let next = recurrence.next(after: max(last, now), anchor: anchorAt)
        {
            runs.append(next)
        }
        return runs
    }
}

extension Schema {
    package static let schedule = object([
        "id": string(), "kind": oneOf(JobWork.Kind.allCases.map(\.rawValue)), "tenantId": string().orNull,
        "userId": string().orNull, "provider": string().orNull,
        "channelIds": Schema(["type": ["array", "null"], "items": ["type": "string"]]), "force": boolean(),
        "intervalMinutes": integer("Null for an interval that is no whole number of them.").orNull,
        "intervalSeconds": integer().orNull, "cron": string().orNull, "timeZone": string().orNull,
        "nextRunAt": time.orNull, "nextRuns": list(of: time, max: 3), "lastRunAt": time.orNull,
        "lastJobId": string().orNull, "runs": integer("Times that became jobs."),
        "skipped": integer("Times passed over because the job before was not finished."),
        "isSetting": boolean("Of TOKENWARD_SWEEP or TOKENWARD_CLEANUP; it cannot be removed here."), "createdAt": time,
    ]).named("Schedule")

    package static let schedulePage = object(
        ["items": list(of: schedule, max: 500), "nextCursor": string().orNull].merging(jobCounts) { first, _ in first }
    ).named("SchedulePage")
}
