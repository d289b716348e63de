import Domain
import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// A channel on its way into the program, with a grant at the sandbox.
struct NewTestChannel: Sendable, Encodable {
    var id: String
    var provider: String
    var tenantId = "default"
    var userId: String?
    var displayName: String?
    var externalId: String?
    var params: [String: String]?
    /// Space separated.
    var scopes: String?
    var accessToken: String?
    var refreshToken: String?
    var accessIssuedAt: String?
    var accessExpiresAt: String?
    var refreshExpiresAt: String?

    /// As the API and `channels import` take it.
    var json: String { (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}" }
}

extension World {
    /// Issues a grant at the sandbox; the account is the channel's id.
    ///
    /// - Parameter lifetime: of the access token, now and at each renewal.
    func channel(
        _ id: String, _ platform: SandboxPlatform = .youtube, tenant: String = "default", user: String? = nil,
        lifetime: Duration = .seconds(3600)
    ) -> NewTestChannel {
        let pair = provider.issue(provider: platform, account: id, lifetime: lifetime)
        var channel = NewTestChannel(id: id, provider: platform.rawValue, tenantId: tenant)
        channel.userId = user
        channel.displayName = "Channel \(id)"
        channel.externalId = id
        if platform == .amocrm || platform == .kommo { channel.params = ["subdomain": id] }
        channel.accessToken = pair.access.reveal()
        channel.refreshToken = pair.refresh?.reveal()
        channel.accessIssuedAt = "\(pair.issuedAt.timeIntervalSince1970)"
        channel.accessExpiresAt = "\(pair.accessExpiresAt.timeIntervalSince1970)"
        channel.refreshExpiresAt = pair.refreshExpiresAt.map { "\($0.timeIntervalSince1970)" }
        return channel
    }

    /// The same, imported with an end so near that the service renews it at once; the sandbox knows the real one.
    func dueChannel(
        _ id: String, _ platform: SandboxPlatform = .youtube, tenant: String = "default", user: String? = nil,
        lifetime: Duration = .seconds(3600)
    ) -> NewTestChannel {
        var channel = channel(id, platform, tenant: tenant, user: user, lifetime: lifetime)
        let now = Date().timeIntervalSince1970
        channel.accessIssuedAt = "\(now - 3600)"
        channel.accessExpiresAt = "\(now + 15)"
        return channel
    }

    /// Imports channels through `tokenward channels import -`.
    func importChannels(_ channels: [NewTestChannel], _ arguments: String...) async throws {
        let rows = "[" + channels.map(\.json).joined(separator: ",\n") + "]"
        let ending = try await Program.run(["channels", "import", "-"] + arguments, settings: settings, input: rows)
        try #require(ending.status == 0, "\(ending)")
    }

    /// Migrates the schema, so that commands may run before the service.
    func migrate() async throws {
        let ending = try await run("migrate")
        try #require(ending.status == 0, "\(ending)")
    }

    /// The first column of the first row, as a number.
    func count(_ sql: String, _ parameters: [PostgresValue] = []) async throws -> Int64 {
        try await database.pool.withConnection { connection in
            try await connection.query("SELECT count(*)::int8 AS n FROM \(sql)", parameters).rows[0].int8("n")
        }
    }
}
