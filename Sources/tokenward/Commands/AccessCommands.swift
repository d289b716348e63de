import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct APITokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api-tokens", abstract: "Makes, lists and revokes bearer tokens of the HTTP interface.",
        discussion: "Example: tokenward api-tokens create --name crm --role tenant:acme",
        subcommands: [APITokensCreate.self, APITokensList.self, APITokensRevoke.self])
}

struct APITokensCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a token and prints it; it is not shown again.",
        discussion:
            "Example: tokenward api-tokens create --name crm --role tenant:acme --expires-at 2027-01-01T00:00:00Z")

    @OptionGroup var common: CommonOptions
    @Option(help: "For lists and the audit log.") var name: String
    @Option(help: "superadmin, probe, or tenant:<id>.") var role: String
    @Option(help: "When it ends, RFC 3339; never when left out.") var expiresAt: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let (name, role, expiresAt) = (name, role, expiresAt)
        let issued = try await common.withInstallation { installation in
            do {
                return try await APITokenIssuer(tokens: installation.tokens).issue(
                    name: name, role: role, expiresAt: expiresAt, actor: "command line")
            } catch let error as IntakeError {
                throw CommandFailure(status: 2, sentence: "The token is not made: \(error).")
            }
        }
        Terminal.line(json ? issued.json.pretty : issued.token.reveal())
    }
}

struct APITokensList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists tokens; none shows its secret.",
        discussion: "Example: tokenward api-tokens list")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let tokens = try await common.withInstallation { try await $0.tokens.tokens(after: nil, limit: 500) }
        if json { return Terminal.line(JSON.page(tokens.map { .apiToken($0) }, next: nil).pretty) }
        var rows = [["id", "role", "state", "expires", "name"]]
        for token in tokens {
            let isOver = token.expiresAt.map { $0 <= Date() } ?? false
            rows.append([
                token.id, token.role, token.revokedAt != nil ? "revoked" : isOver ? "expired" : "live",
                token.expiresAt?.rfc3339 ?? "—", token.name,
            ])
        }
        Terminal.table(rows)
    }
}

struct APITokensRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revokes a token; it opens nothing from now on.",
        discussion: "Example: tokenward api-tokens revoke tok_7f3a")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The token's id.") var id: String

    func run() async throws {
        let id = id
        let isKnown = try await common.withInstallation { installation in
            do {
                return try await installation.tokens.revokeToken(id, actor: "command line")
            } catch APITokenError.lastSuperadmin {
                throw CommandFailure(
                    sentence: "\(id) is the last superadmin's token: make another one first, with `api-tokens create`.")
            }
        }
        guard isKnown else {
            throw CommandFailure(
                sentence: "There is no live token `\(id)`; `tokenward api-tokens list` names those there are.")
        }
        Terminal.line("\(id) is revoked")
    }
}

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Lists what people and applications changed, newest first.",
        discussion: "Example: tokenward audit --tenant acme --limit 20")

    @OptionGroup var common: CommonOptions
    @Option(help: "Of this tenant.") var tenant: String?
    @Option(help: "By this actor.") var actor: String?
    @Option(help: "Of this kind: channel.created …") var action: String?
    @Option(help: "Of the thing with this id.") var subject: String?
    @Option(help: "From this time on, RFC 3339.") var since: String?
    @Option(help: "Before this time, RFC 3339.") var until: String?
    @Option(help: "At most this many (1…500).") var limit = 100
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Print every row that matches as comma separated values.") var csv = false

    func validate() throws {
        guard (1...500).contains(limit) else { throw ValidationError("--limit is a number from 1 to 500.") }
        for time in [since, until].compactMap(\.self) where Date(rfc3339: time) == nil {
            throw ValidationError("\(time) is not a time: write RFC 3339 (2026-11-21T06:00:00Z).")
        }
    }

    func run() async throws {
        let window = TimeWindow(since: since.flatMap(Date.init(rfc3339:)), until: until.flatMap(Date.init(rfc3339:)))
        let query = AuditQuery(
            tenantID: tenant, actor: actor, action: action, subject: subject, window: window, limit: limit)
        if csv {
            return try await common.withInstallation { installation in
                ProcessGuard.writeOutput(CSV.line(AuditEntry.columns))
                try await installation.auditEntries(query) { ProcessGuard.writeOutput(CSV.line($0.cells)) }
            }
        }
        let entries = try await common.withInstallation { try await $0.audit.auditEntries(query) }
        if json { return Terminal.line(JSON.page(entries.map { .auditEntry($0) }, next: nil).pretty) }
        var rows = [["at", "actor", "from", "action", "subject", "detail"]]
        for entry in entries {
            rows.append([
                entry.at.rfc3339, entry.actor.name, entry.actor.address ?? "—", entry.change.action,
                entry.change.subject, entry.change.detail ?? "",
            ])
        }
        Terminal.table(rows)
    }
}
