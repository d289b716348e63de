import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct ChannelsImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Imports channels from CSV with a header or a JSON array; all rows or none.",
        discussion: "Example: tokenward channels import channels.csv --dry-run")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The file; `-` is standard input.") var file: String
    @Flag(help: "Give channels that exist the new tokens.") var replace = false
    @Flag(help: "Judge every row and change nothing.") var dryRun = false

    func run() async throws {
        let rows: [(place: String, fields: ChannelFields)]
        do {
            rows = try ChannelFile.read(try bytes())
        } catch let error as IntakeError {
            throw CommandFailure(status: 2, sentence: "\(place): \(error). Nothing was imported.")
        }
        let (replace, dryRun, file) = (replace, dryRun, place)
        let count = try await common.withInstallation { installation in
            do {
                return try await installation.importChannels(
                    rows, replacing: replace, dryRun: dryRun, actor: "command line")
            } catch let error as IntakeError {
                throw CommandFailure(status: 2, sentence: "\(file): \(error). Nothing was imported.")
            } catch ChannelDirectoryError.exists(let ids) {
                throw CommandFailure(
                    sentence: "\(file): these channels exist already: \(ids.map(\.rawValue).joined(separator: ", ")). "
                        + "Nothing was imported; --replace gives them the new tokens.")
            } catch ChannelDirectoryError.refused(let why) {
                throw CommandFailure(sentence: "\(file): \(why). Nothing was imported.")
            }
        }
        Terminal.line(dryRun ? "\(count) channels are fine; nothing was imported." : "\(count) channels imported.")
    }

    private var place: String { file == "-" ? "Standard input" : file }

    private func bytes() throws -> [UInt8] {
        if file == "-" { return try StandardInput.read(bytesMax: ChannelFile.bytesMax) }
        guard let data = FileManager.default.contents(atPath: file) else {
            throw CommandFailure(status: 2, sentence: "The file \(file) cannot be read.")
        }
        guard data.count <= ChannelFile.bytesMax else {
            throw CommandFailure(status: 2, sentence: "The file \(file) is over 256 MiB: split it.")
        }
        return Array(data)
    }
}
