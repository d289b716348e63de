import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

/// The command line: each subcommand opens an installation, asks one thing of it and prints the answer.
@main
struct Tokenward: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenward",
        abstract: "Keeps OAuth tokens alive, and tells the right human when only a human can help.",
        discussion: "Example: tokenward demo",
        version: Version.text,
        subcommands: [
            Serve.self, Demo.self, Migrate.self, Refresh.self, StatusCommand.self, ChannelsCommand.self,
            DestinationsCommand.self, IncidentsCommand.self, DeliveriesCommand.self, SilencesCommand.self,
            ProvidersCommand.self, DoctorCommand.self, AppsCommand.self, JobsCommand.self, TemplatesCommand.self,
            APITokensCommand.self, AuditCommand.self, KeysCommand.self, SchedulesCommand.self, StatisticsCommand.self,
            CleanupCommand.self,
        ])

    static func main() async {
        ProcessGuard.prepare()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Failure(error).exit()
        }
    }
}

/// What a failed command says and returns: 1 something failed at run time, 2 wrong usage or settings.
struct Failure {
    let error: any Error

    init(_ error: any Error) {
        self.error = error
    }

    func exit() -> Never {
        switch error {
        case let error as StartError:
            leave(error.kind == .misconfigured ? 2 : 1, "\(error)")
        case let error as SettingsError:
            leave(2, error.problems.joined(separator: "\n"))
        case let error as CommandFailure:
            leave(error.status, error.sentence)
        case is CancellationError:
            leave(1, "The command was interrupted before it was done.")
        case is ExitCode, is ValidationError, is CleanExit:
            leaveAsParser()
        default:
            // The parser's own errors say what was wrong with the words; anything else failed at run time.
            if Tokenward.exitCode(for: error).rawValue == ExitCode.validationFailure.rawValue { leaveAsParser() }
            if Tokenward.exitCode(for: error).isSuccess { leaveAsParser() }
            leave(1, "\(error)")
        }
    }

    private func leaveAsParser() -> Never {
        let code = Tokenward.exitCode(for: error)
        guard code == .validationFailure else { Tokenward.exit(withError: error) }
        leave(2, Tokenward.fullMessage(for: error), prefix: "")
    }

    private func leave(_ status: Int32, _ sentence: String, prefix: String = "tokenward: ") -> Never {
        if !sentence.isEmpty { Terminal.error(prefix + sentence) }
        Tokenward.exit(withError: ExitCode(status))
    }
}

/// A command's own failure.
struct CommandFailure: Error {
    var status: Int32 = 1
    var sentence: String
}
