import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct SchedulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedules", abstract: "Adds, lists and removes refreshes that come again.",
        discussion: "Example: tokenward schedules add --tenant acme --every 120",
        subcommands: [SchedulesAdd.self, SchedulesList.self, SchedulesRemove.self])
}

struct SchedulesAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Schedules a refresh by interval or cron.",
        discussion: """
            Example: tokenward schedules add --tenant acme --cron "30 2 * * mon-fri" --time-zone Europe/Madrid
            """)

    @OptionGroup var common: CommonOptions
    @Option(name: [.customLong("tenant"), .customLong("team-id")], help: "The channels of this tenant.") var tenant:
        String?
    @Option(help: "The channels of this user.") var user: String?
    @Option(help: "The channels of this provider.") var provider: String?
    @Option(help: "refresh, sweep (every channel) or cleanup.") var kind = "refresh"
    @Flag(help: "Ignore the window; never the provider's limits or a pause.") var force = false
    @Option(help: "Minutes from one run to the next.") var every: Int?
    @Option(help: "Five fields: minute hour day month weekday.") var cron: String?
    @Option(help: "Of the cron, as Europe/Madrid; UTC when left out.") var timeZone: String?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard JobWork.Kind(rawValue: kind) != nil else {
            throw ValidationError("--kind is refresh, sweep or cleanup.")
        }
        guard (every == nil) != (cron == nil) else { throw ValidationError("One of --every and --cron is needed.") }
    }

    func run() async throws {
        let work: JobWork =
            switch JobWork.Kind(rawValue: kind) {
            case .sweep: .sweep
            case .cleanup: .cleanup(dryRun: false)
            case .refresh, nil:
                .refresh(RefreshOrder(tenantID: tenant, userID: user, provider: provider, force: force))
            }
        let new: NewSchedule
        do {
            new = try ScheduleIntake(
                work: work, tenantID: tenant, intervalMinutes: every, cron: cron, timeZone: timeZone
            ).schedule(now: Date())
        } catch {
            throw CommandFailure(status: 2, sentence: "The schedule is not made: \(error)")
        }
        let made = try await common.withInstallation { installation -> Schedule? in
            guard try await installation.schedules.insertSchedule(new, actor: "command line") else {
                throw CommandFailure(
                    sentence: "There are \(Schedule.perTenantMax) schedules of this tenant already: remove one first.")
            }
            return try await installation.schedules.schedule(new.id, tenantID: nil)
        }
        guard let made else { throw CommandFailure.unknownSchedule(new.id) }
        Terminal.line(
            json ? JSON.schedule(made).pretty : "\(made.id) runs next at \(made.nextAt?.rfc3339 ?? "no time at all")")
    }
}

struct SchedulesList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists schedules with their next runs.",
        discussion: "Example: tokenward schedules list --tenant acme")

    @OptionGroup var common: CommonOptions
    @Option(name: [.customLong("tenant"), .customLong("team-id")], help: "Of this tenant.") var tenant: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let tenant = tenant
        let (schedules, counts) = try await common.withInstallation { installation in
            (
                try await installation.schedules.schedules(tenantID: tenant, after: nil, limit: 500),
                try await installation.jobs.jobCounts(tenantID: tenant)
            )
        }
        if json { return Terminal.line(JSON.schedulePage(schedules, next: nil, counts: counts).pretty) }
        var rows = [["id", "kind", "tenant", "when", "next run", "last run", "runs", "skipped"]]
        for schedule in schedules {
            rows.append([
                schedule.id, schedule.work.kind.rawValue, schedule.tenantID ?? "—", schedule.time.words,
                schedule.nextAt?.rfc3339 ?? "—", schedule.lastAt?.rfc3339 ?? "—", "\(schedule.runs)",
                "\(schedule.skipped)",
            ])
        }
        Terminal.table(rows)
    }
}

struct SchedulesRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Removes a schedule, or all of a tenant.",
        discussion: "Example: tokenward schedules remove sch_7f3a")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The schedule's id.") var id: String?
    @Option(name: [.customLong("tenant"), .customLong("team-id")], help: "All schedules of this tenant.") var tenant:
        String?

    func validate() throws {
        guard (id == nil) != (tenant == nil) else { throw ValidationError("One of an id and --tenant is needed.") }
    }

    func run() async throws {
        let (id, tenant) = (id, tenant)
        let sentence = try await common.withInstallation { installation in
            if let tenant {
                let count = try await installation.schedules.removeSchedules(ofTenant: tenant, actor: "command line")
                return "\(count) removed"
            }
            let id = id ?? ""
            switch try await installation.schedules.removeSchedule(id, tenantID: nil, actor: "command line") {
            case .removed: return "\(id) is removed"
            case .unknown: throw CommandFailure.unknownSchedule(id)
            case .ofSettings:
                throw CommandFailure(
                    sentence: "\(id) is set by the settings: change TOKENWARD_SWEEP or TOKENWARD_CLEANUP instead.")
            }
        }
        Terminal.line(sentence)
    }
}

extension ScheduleTime {
    /// For a table.
    var words: String {
        switch self {
        case .every(let interval):
            interval.components.seconds % 60 == 0
                ? "every \(interval.components.seconds / 60) min" : "every \(interval.components.seconds) s"
        case .cron(let cron, let zone): "\(cron) (\(zone))"
        }
    }
}

extension CommandFailure {
    static func unknownSchedule(_ id: String) -> CommandFailure {
        CommandFailure(sentence: "There is no schedule `\(id)`; `tokenward schedules list` names those there are.")
    }
}
