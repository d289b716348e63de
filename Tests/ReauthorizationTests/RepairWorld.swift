import Domain
import FoundationEssentials
import Sealing
import Synchronization
import Testing

/// One channel, its incident 7 and the authorizations of a small installation, in memory.
final class RepairWorld: ChannelDirectory, RelayDirectory, APITokenDirectory, AppDirectory {
    struct State: Sendable {
        var channel: Channel?
        var closedAt: Date?
        var grant: Int64 = 1
        var app: App?
        var written: [NewGrant] = []
        var isDatabaseDown = false
        var authorizations: [MemoryAuthorization] = []
        /// Other channels' accounts.
        var holders: Set<String> = []
    }

    struct MemoryAuthorization: Sendable {
        var row: Authorization
        var digest: [UInt8]
        var nonce: [UInt8]?
        var answer: JournalAnswer?
    }

    struct Down: Error {}

    let state: Mutex<State>

    init(channel: Channel?, closedAt: Date? = nil, redirectURI: String? = nil) {
        state = Mutex(
            State(
                channel: channel, closedAt: closedAt,
                app: App(
                    id: "any", provider: "any", clientID: "client-1", secrets: [Secret("client-secret-1")],
                    redirectURI: redirectURI)))
    }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }
    var written: [NewGrant] { state.withLock { $0.written } }
    var authorizations: [Authorization] { state.withLock { $0.authorizations.map(\.row) } }

    func app(provider: String, tenantID: String) -> App? { state.withLock { $0.app } }

    // MARK: Channels

    func channel(_ id: ChannelID, tenantID: String?) async throws -> Channel? {
        state.withLock { state in
            state.channel.flatMap { $0.id == id && tenantID ?? $0.tenantID == $0.tenantID ? $0 : nil }
        }
    }
    func channels(_ filter: ChannelFilter, after cursor: ChannelID?, limit: Int) async throws -> [Channel] { [] }
    func insert(_ channels: [NewChannel], replacing: Bool, actor: AuditActor) async throws { Issue.record("inserted") }
    func replaceCredential(
        of id: ChannelID, tenantID: String?, with grant: NewGrant, actor: AuditActor
    ) async throws -> Bool {
        state.withLock { $0.take(grant) }
        return true
    }
    func pause(_ id: ChannelID, tenantID: String?, actor: AuditActor) async throws -> Bool { false }
    func resume(_ id: ChannelID, tenantID: String?, actor: AuditActor) async throws -> Bool { false }
    func disconnect(_ id: ChannelID, tenantID: String?, purge: Bool, actor: AuditActor) async throws -> Disconnection? {
        nil
    }
    func token(of id: ChannelID, tenantID: String?) async throws -> StoredToken? { nil }
    func totals() async throws -> ChannelTotals {
        ChannelTotals(providers: [:], overdue: 0, nextDueAt: nil, databaseTime: Date())
    }

    // MARK: Incidents

    private func incident(_ state: State) -> Incident? {
        state.channel.map { channel in
            Incident(
                id: 7,
                cause: IncidentCause(kind: .channel, id: channel.id.rawValue, reason: "reauthorization_required"),
                severity: .critical, provider: channel.provider, tenantID: channel.tenantID, appID: nil, code: nil,
                message: nil, parentID: nil, openedAt: channel.createdAt, closedAt: state.closedAt,
                members: [channel.id])
        }
    }

    func incident(_ id: Int64, tenantID: String?) async throws -> Incident? {
        id == 7 ? state.withLock { incident($0) } : nil
    }
    func openIncident(of channel: ChannelID) async throws -> Incident? {
        state.withLock { incident($0) }.flatMap { $0.isOpen && $0.cause.id == channel.rawValue ? $0 : nil }
    }
    func incidents(_ query: IncidentQuery) async throws -> [Incident] { [] }
    func destinations(tenantID: String?) async throws -> [DestinationSummary] { [] }
    func destination(_ id: String, tenantID: String?) async throws -> Destination? { nil }
    func put(_ destination: Destination) async throws {}
    func removeDestination(_ id: String, tenantID: String?) async throws -> Bool { false }
    func deliveries(_ query: DeliveryQuery) async throws -> [DeliveryRecord] { [] }
    func replay(_ deliveryID: String, tenantID: String?) async throws -> ReplayResult { .notFound }
    func purgeRelay(before: Date) async throws -> Int { 0 }

    // MARK: Tokens

    static let admin = "admin-token"
    static let tenant = "acme-token"
    static let stranger = "other-tenants-token"

    func tokenHolder(digest: [UInt8]) async throws -> (name: String, role: String)? {
        for (token, name, role) in [
            (Self.admin, "root", "superadmin"), (Self.tenant, "acme's", "tenant:acme"),
            (Self.stranger, "other's", "tenant:other"),
        ] where TokenDigest.of(Secret(token)) == digest {
            return (name, role)
        }
        return nil
    }
    func insertToken(
        id: String, name: String, digest: [UInt8], role: String, expiresAt: Date?, actor: AuditActor
    ) async throws {}
    func tokens(after cursor: String?, limit: Int) async throws -> [APITokenRecord] { [] }
    func revokeToken(_ id: String, actor: AuditActor) async throws -> Bool { false }
    func hasSuperadmin() async throws -> Bool { true }
}

extension RepairWorld.State {
    mutating func take(_ grant: NewGrant) {
        written.append(grant)
        self.grant += 1
        closedAt = Date()
        channel?.warning = nil
        channel?.status = .active
        channel?.accessExpiresAt = grant.accessExpiresAt
    }
}

extension RepairWorld: AuthorizationStore {
    func grantID(of channel: ChannelID) async throws -> Int64? {
        state.withLock { $0.channel?.id == channel ? $0.grant : nil }
    }

    func begin(
        _ target: AuthorizationTarget, stateDigest: [UInt8], nonceDigest: [UInt8]?
    ) async throws -> Authorization? {
        try state.withLock { state in
            if state.isDatabaseDown { throw Down() }
            guard !state.authorizations.contains(where: { $0.digest == stateDigest }) else { return nil }
            let row = Authorization(id: Int64(state.authorizations.count + 1), target: target, state: .redeeming)
            state.authorizations.append(
                MemoryAuthorization(row: row, digest: stateDigest, nonce: nonceDigest, answer: nil))
            return row
        }
    }

    func authorization(stateDigest: [UInt8]) async throws -> Authorization? {
        state.withLock { $0.authorizations.first { $0.digest == stateDigest }?.row }
    }

    func keepExchange(_ answer: JournalAnswer) async throws -> Bool {
        try state.withLock { state in
            if state.isDatabaseDown { throw Down() }
            guard let index = state.authorizations.firstIndex(where: { $0.row.id == answer.key.authorizationID })
            else { return false }
            if state.authorizations[index].row.state == .redeeming {
                state.authorizations[index].row.state = .exchanged
                state.authorizations[index].answer = answer
            }
            return true
        }
    }

    func takeExchanged(only: Int64?, limit: Int) async throws -> [ExchangedAuthorization] {
        state.withLock { state in
            state.authorizations.filter { $0.row.state == .exchanged && only ?? $0.row.id == $0.row.id }.compactMap {
                authorization in
                authorization.answer.map {
                    ExchangedAuthorization(
                        authorization: authorization.row, answer: $0, nonceDigest: authorization.nonce)
                }
            }
        }
    }

    func store(_ id: Int64, _ grant: AuthorizedGrant) async throws {
        let refusal = state.withLock { state -> AuthorizationRefusal? in
            guard let index = state.authorizations.firstIndex(where: { $0.row.id == id }) else {
                return .supersededMeanwhile
            }
            let target = state.authorizations[index].row.target
            let refusal: AuthorizationRefusal? =
                if let expected = target.grantID, expected != state.grant {
                    .supersededMeanwhile
                } else if let account = grant.accountID, state.holders.contains(account) {
                    .accountElsewhere
                } else {
                    nil
                }
            state.authorizations[index].row.state = refusal == nil ? .stored : .refused
            if refusal == nil { state.take(grant.grant) }
            return refusal
        }
        if let refusal { throw refusal }
    }

    func refuse(_ id: Int64, because reason: AuthorizationRefusal) async throws {
        state.withLock { state in
            guard let index = state.authorizations.firstIndex(where: { $0.row.id == id }) else { return }
            state.authorizations[index].row.state = .refused
            state.authorizations[index].row.reason = reason.rawValue
        }
    }

    func holder(ofAccount accountID: String, provider: String, appID: String) async throws -> ChannelID? {
        state.withLock { $0.holders.contains(accountID) ? "other" : nil }
    }
    func tidyAuthorizations() async throws {}
}

extension Channel {
    /// A channel whose grant is dead and whose access token lives for an hour more.
    static func broken(
        since: Date = Date(timeIntervalSince1970: 1_795_240_800), provider: String = "tiktok",
        account: String? = "account-a", scopes: [String] = ["read"]
    ) -> Channel {
        Channel(
            id: "shop", tenantID: "acme", userID: "maria", provider: provider, displayName: "Maria's <Bakery>",
            localName: nil, externalID: account, parameters: [:], meta: "{}", scopes: scopes, status: .warning,
            warning: .init(reason: .reauthorizationRequired, code: "invalid_grant", message: nil, since: since),
            hasRefreshToken: true, accessIssuedAt: since, accessExpiresAt: since + 3600, refreshExpiresAt: nil,
            lastRefreshAt: nil, nextRefreshAt: nil, humanDeadline: nil, consecutiveFailures: 1, lastOutcome: nil,
            lastError: nil, epoch: 1, createdAt: since, updatedAt: since)
    }
}
