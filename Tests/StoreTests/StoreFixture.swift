import Domain
import FoundationEssentials
import Postgres
import Sealing
import Store
import TestSupport

/// A migrated schema with a key ring, and channels in it.
struct StoreFixture {
    let store: Store
    let database: TestDatabase

    static func with<Value: Sendable>(
        size: Int = 4, _ body: (StoreFixture) async throws -> Value
    ) async throws -> Value {
        try await TestDatabase.withSchema(size: size) { database in
            _ = try await Migrations(pool: database.pool).migrate()
            let store = Store(pool: database.pool, ring: KeyRing.generated().ring)
            return try await body(StoreFixture(store: store, database: database))
        }
    }

    static func newChannel(
        _ id: ChannelID, provider: String = "oauth2", tenant: String = "default", due: Date? = Date() - 10,
        access: String = "at-0", refresh: String? = "rt-0", expires: Date? = Date() + 3600,
        status: ChannelStatus = .active
    ) -> NewChannel {
        NewChannel(
            id: id, tenantID: tenant, userID: "u", provider: provider, appID: provider, displayName: "Shop \(id)",
            localName: nil, externalID: "ext-\(id)", status: status, meta: "{}",
            grant: NewGrant(
                credential: Credential(
                    accessToken: Secret(access), refreshToken: refresh.map { Secret($0) }, scopes: ["read"],
                    parameters: ["subdomain": "acme"]), accessIssuedAt: Date() - 60, accessExpiresAt: expires,
                refreshExpiresAt: nil, humanDeadlineAt: nil, dueAt: due))
    }

    func add(_ channels: NewChannel...) async throws {
        try await store.insert(channels, replacing: false, actor: "test")
    }

    func claimOne(_ id: ChannelID, provider: String = "oauth2") async throws -> Claim? {
        try await store.claim(channels: [id], leases: [provider: .seconds(300)]).claims.first
    }

    func success(_ claim: Claim, access: String = "at-1", refresh: String = "rt-1", due: Date? = Date() + 3000)
        -> StoredSuccess
    {
        StoredSuccess(
            key: claim.key, tenantID: claim.tenantID, provider: claim.provider, grantID: claim.grantID,
            credential: Credential(accessToken: Secret(access), refreshToken: Secret(refresh), scopes: ["read"]),
            accessIssuedAt: Date(), accessExpiresAt: Date() + 3600, refreshExpiresAt: nil, humanDeadlineAt: nil,
            dueAt: due)
    }

    func failure(
        _ claim: Claim, _ outcome: Outcome = .transient, due: Date? = Date() + 60, warning: WarningReason? = nil,
        doubt: Bool = false, fails: Int = 1
    ) -> StoredFailure {
        StoredFailure(
            key: claim.key, base: claim.base, outcome: outcome, code: "test_code", message: "It failed for a test.",
            dueAt: due, doubt: doubt, fails: fails, denials: 0, warning: warning)
    }

    /// One row of SQL as text columns, for looking behind the ports.
    func row(_ sql: String, _ parameters: [PostgresValue] = []) async throws -> PostgresRow? {
        try await store.pool.withConnection { try await $0.query(sql, parameters) }.rows.first
    }

    func count(_ sql: String) async throws -> Int {
        Int(try await row("SELECT count(*) AS n FROM \(sql)")?.int8("n") ?? -1)
    }

    /// W3: the two numbers are equal in every snapshot.
    func writtenAgree() async throws -> Bool {
        try await count(
            "schedule s JOIN credentials c USING (channel_id) WHERE s.written <> c.written OR s.attempt < s.written OR s.attempt < s.grant_id"
        ) == 0
    }
}
