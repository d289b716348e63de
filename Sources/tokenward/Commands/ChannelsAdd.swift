import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct ChannelsAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Adds a channel; tokens are read from standard input as JSON or from the environment.",
        discussion: """
            Tokens never stand in the command's words, where every process of the machine sees them.
            Example: echo '{"accessToken":"…","refreshToken":"…"}' | tokenward channels add --provider amocrm --params '{"subdomain":"acme"}'
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Provider, as `providers list` names it.") var provider: String
    @Option(help: "Id; generated when left out.") var id: String?
    @Option(help: "Tenant.") var tenant: String?
    @Option(help: "The platform's user.") var user: String?
    @Option(help: "Name for people.") var name: String?
    @Option(help: "Account id at the provider.") var externalID: String?
    @Option(help: "Connection parameters as a JSON object.") var params: String?
    @Option(help: "When the access token ends: RFC 3339 or epoch seconds.") var expiresAt: String?

    func run() async throws {
        var fields: ChannelFields
        do {
            let input = try StandardInput.read(bytesMax: 1 << 20)
            fields = input.isEmpty ? try ChannelFields(columns: [:]) : try ChannelFields(object: JSON(parsing: input))
        } catch let error as IntakeError {
            throw CommandFailure(status: 2, sentence: "Standard input: \(error).")
        } catch {
            throw CommandFailure(status: 2, sentence: "Standard input is not a JSON object of a channel's fields.")
        }
        let given = [
            "id": id, "provider": provider, "tenant_id": tenant, "user_id": user, "display_name": name,
            "external_id": externalID, "params": params, "access_expires_at": expiresAt,
        ]
        for (name, value) in given { if let value { fields.values[name] = value } }
        let complete = fields
        let channel = try await common.withInstallation { installation in
            do {
                return try await installation.add(complete, actor: "command line")
            } catch let error as IntakeError {
                throw CommandFailure(status: 2, sentence: "The channel is not taken: \(error).")
            }
        }
        Terminal.line(channel.rawValue)
    }
}
