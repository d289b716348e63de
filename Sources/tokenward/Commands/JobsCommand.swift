import API
import ArgumentParser
import Domain
import Runtime

struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Lists, shows and cancels jobs.", discussion: "Example: tokenward jobs list",
        subcommands: [JobsList.self, JobsShow.self, JobsCancel.self])
}

struct JobsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists jobs, newest first.",
        discussion: "Example: tokenward jobs list --state active")

    @OptionGroup var common: CommonOptions
    @Option(help: "waiting, delayed, active, completed, failed or cancelled.") var state: String?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        if let state, Job.State(rawValue: state) == nil {
            throw ValidationError("--state is waiting, delayed, active, completed, failed or cancelled.")
        }
    }

    func run() async throws {
        let query = JobQuery(state: state.flatMap(Job.State.init(rawValue:)), limit: 500)
        let (jobs, counts) = try await common.withInstallation {
            (try await $0.jobs.jobs(query), try await $0.jobs.jobCounts(tenantID: nil))
        }
        if json { return Terminal.line(JSON.jobPage(jobs, next: nil, counts: counts).pretty) }
        var rows = [["id", "state", "done", "succeeded", "failed", "skipped", "runs at"]]
        for job in jobs {
            rows.append([
                job.id, job.state.rawValue, "\(job.processed)/\(job.total.map { "\($0)" } ?? "?")", "\(job.succeeded)",
                "\(job.failed)", "\(job.skipped)", job.runAt.rfc3339,
            ])
        }
        Terminal.table(rows)
    }
}

struct JobsShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a job with its results.",
        discussion: "Example: tokenward jobs show job_7f3a")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The job's id.") var id: String

    func run() async throws {
        let id = id
        guard let job = try await common.withInstallation({ try await $0.jobs.job(id, tenantID: nil) }) else {
            throw CommandFailure.unknownJob(id)
        }
        Terminal.line(JSON.job(job).pretty)
    }
}

struct JobsCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancels a job; what is under way ends by itself.",
        discussion: "Example: tokenward jobs cancel job_7f3a")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The job's id.") var id: String

    func run() async throws {
        let id = id
        let job = try await common.withInstallation {
            try await $0.jobs.cancelJob(id, tenantID: nil, actor: "command line")
        }
        guard let job else { throw CommandFailure.unknownJob(id) }
        Terminal.line("\(id) is \(job.state.rawValue)")
    }
}

extension CommandFailure {
    static func unknownJob(_ id: String) -> CommandFailure {
        CommandFailure(sentence: "There is no job `\(id)`; `tokenward jobs list` names those there are.")
    }
}
