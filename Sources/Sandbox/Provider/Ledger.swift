import Domain
import FoundationEssentials

/// The books of the sandbox: grants, tokens, apps, faults, requests in flight; its owner guards it with a lock.
struct Ledger: Sendable {
    /// Spent tokens remembered per grant; older ones count as unknown.
    static let historyMax = 2_000

    struct Grant: Sendable {
        var newest: SandboxPair
        var accessLifetime: Duration
        var refreshLifetime: Duration?
        var isRevoked = false
        var requests = 0
        var renewals = 0
        var reuses = 0
        var overlaps = 0
        var inFlight = 0
        var inFlightMax = 0
        /// Past credentials, oldest first, with the time they were replaced.
        var past: [Past] = []
    }

    struct Past: Sendable {
        var credential: String
        var spentAt: Date
        /// Where the access token is the credential: its own end.
        var expiresAt: Date
    }

    struct Code: Sendable {
        var grant: SandboxGrantKey
        var redirectURI: String?
        /// PKCE S256 challenge.
        var challenge: String?
        var scopes: [String]
    }

    /// What came of a request.
    struct Settlement: Sendable {
        var request: Int
        var grant: SandboxGrantKey?
        var fault: SandboxFault?
        /// Nil: the fault answers without looking at the token.
        var result: Result<Issue, RefusalError>?
    }

    private(set) var grants: [SandboxGrantKey: Grant] = [:]
    private var owners: [String: SandboxGrantKey] = [:]
    private var accessOwners: [String: SandboxGrantKey] = [:]
    private var codes: [String: Code] = [:]
    private var openRequests: [Int: SandboxGrantKey] = [:]
    private var lastRequest = 0
    var apps: [SandboxPlatform: SandboxApp] = [:]
    var behaviours: [SandboxPlatform: SandboxBehaviour] = [:]
    var faults = FaultBook()
    var requests = 0
    var unknownCredentials = 0

    func behaviour(of provider: SandboxPlatform) -> SandboxBehaviour { behaviours[provider] ?? provider.behaviour }

    // MARK: Issuing

    /// Makes a grant, or gives an account a new consent: earlier tokens are spent, a revocation ends.
    mutating func issue(
        _ key: SandboxGrantKey, accessLifetime: Duration, refreshLifetime: Duration?, scopes: [String], now: Date
    ) -> SandboxPair {
        let pair = freshPair(
            key.provider, accessLifetime: accessLifetime, refreshLifetime: refreshLifetime, scopes: scopes, now: now)
        if var grant = grants[key] {
            grant.isRevoked = false
            grant.accessLifetime = accessLifetime
            grant.refreshLifetime = refreshLifetime
            grants[key] = grant
            replace(key, by: pair, now: now)
        } else {
            grants[key] = Grant(newest: pair, accessLifetime: accessLifetime, refreshLifetime: refreshLifetime)
            register(pair, of: key)
        }
        return pair
    }

    private func freshPair(
        _ provider: SandboxPlatform, accessLifetime: Duration, refreshLifetime: Duration?, scopes: [String], now: Date
    ) -> SandboxPair {
        let prefixes = provider.dialect.prefixes
        return SandboxPair(
            access: Secret(prefixes.access + Self.randomText()),
            refresh: provider.hasRefreshToken ? Secret(prefixes.refresh + Self.randomText()) : nil, issuedAt: now,
            accessExpiresAt: now.addingTimeInterval(accessLifetime.seconds),
            refreshExpiresAt: refreshLifetime.map { now.addingTimeInterval($0.seconds) }, scopes: scopes)
    }

    private mutating func register(_ pair: SandboxPair, of key: SandboxGrantKey) {
        owners[pair.credential] = key
        accessOwners[pair.access.reveal()] = key
    }

    private mutating func replace(_ key: SandboxGrantKey, by pair: SandboxPair, now: Date) {
        guard var grant = grants[key] else { return }
        let old = grant.newest
        if pair.credential != old.credential {
            grant.past.append(Past(credential: old.credential, spentAt: now, expiresAt: old.accessExpiresAt))
            if grant.past.count > Self.historyMax {
                owners[grant.past.removeFirst().credential] = nil
            }
        }
        accessOwners[old.access.reveal()] = nil
        grant.newest = pair
        grants[key] = grant
        register(pair, of: key)
    }

    static func randomText() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<3).map { _ in
            let text = String(UInt64.random(in: .min ... .max, using: &generator), radix: 36)
            return String(repeating: "0", count: 13 - text.count) + text
        }.joined()
    }

    mutating func revoke(_ key: SandboxGrantKey) -> Bool {
        guard grants[key] != nil else { return false }
        grants[key]?.isRevoked = true
        return true
    }

    // MARK: Token requests

    /// Settles a refresh or exchange: counts it, plays a fault, spends and issues tokens.
    mutating func settle(
        _ call: TokenCall, provider: SandboxPlatform, ordinal: Int, now: Date, proof: AppProof
    ) -> Settlement {
        let owner = call.operation == .exchange ? codes[call.credential ?? ""]?.grant : owners[call.credential ?? ""]
        let key = owner?.provider == provider ? owner : nil
        let request = begin(call.operation == .refresh ? key : nil, counts: call.operation == .refresh)
        let clientID = call.clientID ?? apps[provider]?.clientID
        let fault = faults.take(provider: provider, clientID: clientID, grant: key, ordinal: ordinal)
        var settlement = Settlement(request: request, grant: key, fault: fault)
        switch fault {
        case .revoked:
            if let key { _ = revoke(key) }
            settlement.result = .failure(RefusalError(.dead))
        case .rateLimited(let delay): settlement.result = .failure(RefusalError(.rateLimited(delay)))
        case .appRejected: settlement.result = .failure(RefusalError(.client))
        case .suspended: settlement.result = .failure(RefusalError(.suspended))
        case .some(let fault) where fault.spares: break
        default:
            settlement.result = ordinary(call, key, provider: provider, now: now, proof: proof, fault: fault)
        }
        return settlement
    }

    private mutating func ordinary(
        _ call: TokenCall, _ key: SandboxGrantKey?, provider: SandboxPlatform, now: Date, proof: AppProof,
        fault: SandboxFault?
    ) -> Result<Issue, RefusalError> {
        do throws(RefusalError) {
            try checkApp(call, provider, proof)
            guard let key, let credential = call.credential else {
                if call.operation == .refresh { unknownCredentials += 1 }
                throw RefusalError(.dead)
            }
            if call.operation == .exchange { return .success(try redeem(credential, call, now: now)) }
            if let account = call.account, account != key.account { throw RefusalError(.dead) }
            return .success(try renew(key, presenting: credential, now: now, extends: fault != .notExtended))
        } catch {
            return .failure(error)
        }
    }

    func checkApp(_ call: TokenCall, _ provider: SandboxPlatform, _ proof: AppProof) throws(RefusalError) {
        guard let app = apps[provider] else { throw RefusalError(.client) }
        if proof.contains(.identifier), call.clientID != app.clientID { throw RefusalError(.client) }
        if proof.contains(.secret) {
            guard let secret = call.clientSecret, app.clientSecrets.contains(Secret(secret)) else {
                throw RefusalError(.client)
            }
        }
        if proof.contains(.redirectURI) {
            guard let redirectURI = call.redirectURI else { throw RefusalError(.malformed("redirect_uri")) }
            if let registered = app.redirectURI, redirectURI != registered { throw RefusalError(.client) }
        }
    }

    private mutating func renew(
        _ key: SandboxGrantKey, presenting credential: String, now: Date, extends: Bool
    ) throws(RefusalError) -> Issue {
        guard var grant = grants[key] else { throw RefusalError(.dead) }
        let behaviour = behaviour(of: key.provider)
        let isNewest = grant.newest.credential == credential
        if !isNewest {
            grant.reuses += 1
            if behaviour.reuseRevokes { grant.isRevoked = true }
            grants[key] = grant
        }
        guard !grant.isRevoked else { throw RefusalError(isNewest ? .dead : .spent) }
        let past = grant.past.last { $0.credential == credential }
        switch behaviour.rotation {
        case .exchange:
            // Meta: any token of the grant may be exchanged until its own end.
            guard now < past?.expiresAt ?? grant.newest.accessExpiresAt else { throw RefusalError(.expired) }
        case .never, .always:
            if let end = grant.newest.refreshExpiresAt, now >= end { throw RefusalError(.dead) }
            if let past {
                guard let grace = behaviour.grace, now < past.spentAt.addingTimeInterval(grace.seconds) else {
                    throw RefusalError(.spent)
                }
            }
        }
        var pair = freshPair(
            key.provider, accessLifetime: grant.accessLifetime, refreshLifetime: grant.refreshLifetime,
            scopes: grant.newest.scopes, now: now)
        if behaviour.rotation == .never {
            pair.refresh = grant.newest.refresh
            pair.refreshExpiresAt = grant.newest.refreshExpiresAt
        }
        if !extends { pair.accessExpiresAt = grant.newest.accessExpiresAt }
        grants[key]?.renewals += 1
        replace(key, by: pair, now: now)
        return Issue(
            grant: key, pair: pair, now: now, clientID: apps[key.provider]?.clientID ?? "",
            carriesRefresh: behaviour.rotation == .always)
    }

    // MARK: Codes

    /// Makes a code as the consent page does.
    mutating func authorize(_ code: Code) -> String {
        let text = "code-" + Self.randomText()
        codes[text] = code
        return text
    }

    private mutating func redeem(_ code: String, _ call: TokenCall, now: Date) throws(RefusalError) -> Issue {
        guard let granted = codes.removeValue(forKey: code) else { throw RefusalError(.dead) }
        if let sent = granted.redirectURI, let given = call.redirectURI, sent != given { throw RefusalError(.dead) }
        if let account = call.account, account != granted.grant.account { throw RefusalError(.dead) }
        if let challenge = granted.challenge, pkceChallenge(call.codeVerifier ?? "") != challenge {
            throw RefusalError(.dead)
        }
        let known = grants[granted.grant]
        let provider = granted.grant.provider
        let pair = issue(
            granted.grant, accessLifetime: known?.accessLifetime ?? provider.accessLifetime,
            refreshLifetime: known == nil ? provider.refreshLifetime : known?.refreshLifetime,
            scopes: granted.scopes.isEmpty ? known?.newest.scopes ?? [] : granted.scopes, now: now)
        return Issue(
            grant: granted.grant, pair: pair, now: now, clientID: apps[provider]?.clientID ?? "", carriesRefresh: true)
    }

    // MARK: Looking

    /// The grant of a live access or refresh token.
    func find(_ token: String?, provider: SandboxPlatform, now: Date) -> Finding {
        let finding = Finding(issue: nil, appIsKnown: true, isExpired: false)
        guard let token, let key = accessOwners[token] ?? owners[token], key.provider == provider,
            let grant = grants[key]
        else { return finding }
        let isNewest = grant.newest.access.reveal() == token || grant.newest.credential == token
        guard isNewest, !grant.isRevoked else { return finding }
        guard now < grant.newest.accessExpiresAt else {
            return Finding(issue: nil, appIsKnown: true, isExpired: true)
        }
        let issue = Issue(
            grant: key, pair: grant.newest, now: now, clientID: apps[provider]?.clientID ?? "", carriesRefresh: false)
        return Finding(issue: issue, appIsKnown: true, isExpired: false)
    }

    /// The grant a token belongs to, live or not.
    func owner(of token: String?, provider: SandboxPlatform) -> SandboxGrantKey? {
        guard let token, let key = owners[token] ?? accessOwners[token] else { return nil }
        return key.provider == provider ? key : nil
    }

    // MARK: Requests in flight

    private mutating func begin(_ key: SandboxGrantKey?, counts: Bool) -> Int {
        lastRequest += 1
        if counts { requests += 1 }
        if let key, var grant = grants[key] {
            grant.requests += 1
            if grant.inFlight > 0 { grant.overlaps += 1 }
            grant.inFlight += 1
            grant.inFlightMax = max(grant.inFlightMax, grant.inFlight)
            grants[key] = grant
            openRequests[lastRequest] = key
        }
        return lastRequest
    }

    /// Ends a request; ending it again changes nothing.
    mutating func end(_ request: Int) {
        guard let key = openRequests.removeValue(forKey: request) else { return }
        grants[key]?.inFlight -= 1
    }
}
