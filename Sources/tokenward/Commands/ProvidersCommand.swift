import ArgumentParser
import Domain
import FoundationEssentials
import Providers
import Runtime

struct ProvidersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "providers", abstract: "Lists, shows and checks entries of the catalogue.",
        discussion: "Example: tokenward providers show amocrm",
        subcommands: [ProvidersList.self, ProvidersShow.self, ProvidersCheck.self])
}

struct ProvidersList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the catalogue.", discussion: "Example: tokenward providers list")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let catalogue = try Installation.catalogue(try common.settings(needsDatabase: false))
        var rows = [["name", "refreshed before", "an answer that is lost", "title"]]
        for entry in catalogue.names.compactMap({ catalogue[$0] }) {
            rows.append([
                entry.name, DurationText.format(entry.policy.refreshBefore), entry.replayClass.name, entry.title,
            ])
        }
        Terminal.table(rows)
    }
}

struct ProvidersShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows one entry.", discussion: "Example: tokenward providers show whatsapp")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The entry's name.") var name: String

    func run() async throws {
        let catalogue = try Installation.catalogue(try common.settings(needsDatabase: false))
        guard let entry = catalogue[name] else {
            throw CommandFailure(
                status: 2, sentence: "There is no provider `\(name)`; `tokenward providers list` names those there are."
            )
        }
        Terminal.table([
            ["name", entry.name], ["title", entry.title],
            ["presents", entry.credential.rawValue],
            ["refreshed before the end", DurationText.format(entry.policy.refreshBefore)],
            ["an answer that is lost", entry.replayClass.name],
            ["access token lives", entry.lifetime.access.map(DurationText.format) ?? "as the answer says"],
            ["parameters", entry.connectionParameters.map(\.name).joined(separator: ", ")],
            ["note", entry.note ?? ""],
        ])
    }
}

struct ProvidersCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks a file of entries as TOKENWARD_CATALOGUE would be.",
        discussion: "Example: tokenward providers check my-providers.yaml")

    @Argument(help: "The YAML file, or a directory of them.") var file: String

    func run() async throws {
        let check: CatalogueCheck
        do {
            check = try Catalogue.embedded().check(try CatalogueFile.files(at: file))
        } catch {
            throw CommandFailure(status: 2, sentence: "\(error)")
        }
        for note in check.notes { Terminal.error("note: \(note)") }
        guard check.mistakes.isEmpty else {
            throw CommandFailure(status: 2, sentence: check.mistakes.map { "\($0)" }.joined(separator: "\n"))
        }
        guard check.failingExamples.isEmpty else {
            throw CommandFailure(sentence: check.failingExamples.map { "\($0)" }.joined(separator: "\n"))
        }
        let added = check.added.isEmpty ? "" : " adds \(check.added.joined(separator: ", "));"
        let overlaid = check.overlaid.isEmpty ? "" : " is laid over \(check.overlaid.joined(separator: ", "));"
        Terminal.line("\(file) is fine:\(added)\(overlaid) every example is classified as it says.")
    }
}

extension ReplayClass {
    /// In words, for people.
    var name: String {
        switch self {
        case .free: "may be asked for again"
        case .family: "may cost the grant (a reuse revokes the family)"
        case .grace(let window): "may be asked for again within \(DurationText.format(window))"
        case .single: "may cost the refresh token (one use)"
        }
    }
}
