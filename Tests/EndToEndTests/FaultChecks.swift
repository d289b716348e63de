import Domain
import Postgres
import Sandbox
import TestSupport
import Testing

/// What tests of faults look at, beside the program's back.
extension World {
    static let rotating = SandboxPlatform.oauth2

    func grant(_ id: String) throws -> SandboxGrantSnapshot {
        try #require(provider.grant(provider: Self.rotating, account: id))
    }

    /// Channels of the rotating provider; each account is the channel's id.
    func rotatingChannels(_ ids: [String], lifetime: Duration = .seconds(3600)) -> [NewTestChannel] {
        ids.map { channel($0, Self.rotating, lifetime: lifetime) }
    }

    /// Waits until the stored token is the newest one issued: at once, unless the channel is being renewed.
    func newestIsStored(_ id: String, _ client: Client) async throws {
        try await eventually("the stored token of \(id) is the newest", evidence: { await account(of: id, client) }) {
            let reply = try await client.get("/v1/channels/\(id)/token")
            let newest = provider.grant(provider: Self.rotating, account: id)?.newest.access.reveal()
            return reply.status == 200 && reply.json["accessToken"]?.text == newest
        }
    }

    /// Expects that the stored token is the newest one issued, and that one more renewal works with it.
    func expectHome(_ id: String, _ client: Client, at location: SourceLocation = #_sourceLocation) async throws {
        let before = try grant(id)
        try await newestIsStored(id, client)
        // The platform wants a second between renewals.
        try await eventually("\(id) is renewed once more", evidence: { await account(of: id, client) }) {
            if let now = provider.grant(provider: Self.rotating, account: id), now.renewals > before.renewals {
                return true
            }
            _ = try await client.post("/v1/channels/\(id)/refresh", #"{"force":true}"#)
            return false
        }
        let after = try grant(id)
        #expect(after.reuses == before.reuses, sourceLocation: location)
        #expect(!after.isRevoked, sourceLocation: location)
    }

    /// What the program and the sandbox say of a channel.
    func account(of id: String, _ client: Client) async -> String {
        let channel = (try? await client.get("/v1/channels/\(id)"))?.body ?? "no answer"
        let grant = provider.grant(provider: Self.rotating, account: id)
        return "\(channel) sandbox: \(grant.map { "\($0.renewals) renewals, \($0.reuses) reuses" } ?? "unknown")"
    }

    /// Nothing overlapped and nothing spent was presented.
    func expectClean(at location: SourceLocation = #_sourceLocation) {
        let snapshot = provider.snapshot()
        #expect(snapshot.overlaps == 0, sourceLocation: location)
        #expect(snapshot.reuses == 0, sourceLocation: location)
        #expect(snapshot.unknownCredentials == 0, sourceLocation: location)
    }

    /// Returns when every channel was renewed at least once more.
    func allRenewedAgain(_ ids: [String], within limit: Duration = .seconds(15), evidence: () -> String) async throws {
        let before = try ids.map { try grant($0).renewals }
        try await eventually(within: limit, "every channel is renewed again", evidence: { evidence() }) {
            try zip(ids, before).allSatisfy { try grant($0).renewals > $1 }
        }
    }
}

/// A channel's rows as they stand.
struct FaultRow: Sendable, CustomStringConvertible {
    var id: String
    var status: Int16
    var isHeld: Bool
    /// The lease has not run out.
    var isLeased: Bool
    var isDue: Bool
    var isScheduled: Bool
    var doubt: Bool
    var attempt: Int64
    var epoch: Int64
    /// Of the warning.
    var reason: String?
    /// Of the newest failure.
    var code: String?

    /// Nobody knows whether the stored token is spent, and no verdict has come.
    var isOpen: Bool { doubt && reason != "reauthorization_required" }

    var description: String {
        "\(id): status \(status) \(reason ?? "") \(code ?? ""), held \(isHeld), doubt \(doubt), scheduled \(isScheduled), "
            + "epoch \(epoch)"
    }

    static func all(_ database: PostgresConnection) async throws -> [FaultRow] {
        try await database.query(
            """
            SELECT s.channel_id, s.status, s.lease_until IS NOT NULL AS held, coalesce(s.lease_until > now(), false) AS leased,
                   coalesce(s.due_at <= now(), false) AS due, s.due_at IS NOT NULL AS scheduled, s.doubt, s.attempt,
                   k.epoch, s.reason, d.code
              FROM schedule s JOIN credentials k USING (channel_id) LEFT JOIN conditions d USING (channel_id)
             ORDER BY s.channel_id
            """
        ).rows.map { row in
            FaultRow(
                id: try row.text("channel_id"), status: try row.int2("status"), isHeld: try row.bool("held"),
                isLeased: try row.bool("leased"), isDue: try row.bool("due"), isScheduled: try row.bool("scheduled"),
                doubt: try row.bool("doubt"), attempt: try row.int8("attempt"), epoch: try row.int8("epoch"),
                reason: try row.textOrNil("reason"), code: try row.textOrNil("code"))
        }
    }

    /// The only channel there is.
    static func only(_ database: PostgresConnection) async throws -> FaultRow {
        let rows = try await all(database)
        return try #require(rows.count == 1 ? rows.first : nil)
    }

    /// Makes channels due that nobody holds and that are not parked.
    static func makeDue(_ database: PostgresConnection, _ ids: [String]? = nil) async throws {
        let sql = "UPDATE schedule SET due_at = now() WHERE lease_until IS NULL AND due_at IS NOT NULL"
        guard let ids else { return _ = try await database.query(sql) }
        _ = try await database.query(sql + " AND channel_id = ANY ($1)", [.textArray(ids)])
    }
}

/// Asks `/healthz` all the time while something else goes on.
actor FaultPulse {
    private(set) var bad: [String] = []
    private(set) var beats = 0
    private var isOver = false

    func end() { isOver = true }

    func watch(_ client: Client) async throws {
        try await eventually(within: .seconds(120), every: .milliseconds(100), "the watch of /healthz ends") {
            do {
                let reply = try await client.get("/healthz")
                if reply.status != 200 { bad.append("\(reply.status) \(reply.body)") }
            } catch {
                bad.append("\(error)")
            }
            beats += 1
            return isOver
        }
    }
}
