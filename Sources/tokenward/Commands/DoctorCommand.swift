import API
import ArgumentParser
import FoundationEssentials
import Runtime

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Examines the installation and says what to mend.",
        discussion: "Example: tokenward doctor --json")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let settings = try common.settings()
        let findings = await Doctor(
            settings: settings, environment: ProcessInfo.processInfo.environment,
            logger: LogOutput.logger(settings.log, quiet: true)
        ).examine()
        let isHealthy = !findings.contains { $0.level == .failed }
        if json {
            let items = findings.map { finding in
                JSON.object([
                    "family": .string(finding.family.rawValue), "level": .string(finding.level.rawValue),
                    "message": .string(finding.message), "advice": JSON(finding.advice),
                ])
            }
            Terminal.line(JSON.object(["healthy": .bool(isHealthy), "findings": .array(items)]).pretty)
        } else {
            for finding in findings { Self.show(finding) }
        }
        if !isHealthy { throw ExitCode(1) }
    }

    private static func show(_ finding: Finding) {
        let colour: Terminal.Colour =
            switch finding.level {
            case .ok: .green
            case .warning: .yellow
            case .failed: .red
            }
        let level = finding.level.rawValue
        let family = finding.family.rawValue
        let indent = String(repeating: " ", count: 9)
        Terminal.line(
            Terminal.paint(level, colour) + String(repeating: " ", count: 9 - level.count) + family
                + String(repeating: " ", count: 14 - family.count) + finding.message)
        if let advice = finding.advice { Terminal.line(indent + String(repeating: " ", count: 14) + "→ " + advice) }
    }
}
