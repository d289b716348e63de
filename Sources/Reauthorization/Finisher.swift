import Domain
import FoundationEssentials
import Logging
import Providers
import Sealing

/// Turns a kept answer into the channel's grant, or into nothing (PROTOCOL §8.5); every call it makes may be repeated.
struct Finisher: Sendable {
    enum End: Sendable {
        case stored
        case refused(AuthorizationRefusal, [String: String?])
        /// The provider, or the database, could not be asked now.
        case later
    }

    /// What stops a finish.
    private enum Stop: Error {
        case refused(AuthorizationRefusal, [String: String?])
        case later
    }

    let channels: any ChannelDirectory
    let authorizations: any AuthorizationStore
    let apps: any AppDirectory
    let sender: any HTTPSending
    let catalogue: Catalogue
    let now: @Sendable () -> Date
    let logger: Logger

    func finish(_ exchanged: ExchangedAuthorization) async -> End {
        let target = exchanged.authorization.target
        do {
            let grant = try await grant(exchanged)
            do {
                try await authorizations.store(exchanged.authorization.id, grant)
            } catch let refusal as AuthorizationRefusal {
                log("authorization.refused", target, reason: refusal.rawValue)
                return .refused(refusal, [:])
            }
            log("channel.reauthorized", target, reason: nil)
            return .stored
        } catch Stop.refused(let refusal, let facts) {
            do {
                try await authorizations.refuse(exchanged.authorization.id, because: refusal)
            } catch {
                return .later
            }
            log("authorization.refused", target, reason: refusal.rawValue)
            return .refused(refusal, facts)
        } catch {
            return .later
        }
    }

    private func log(_ event: String, _ target: AuthorizationTarget, reason: String?) {
        logger.notice(
            reason == nil ? "a channel has a new grant" : "a consent changed nothing",
            metadata: [
                "event": "\(event)", "channel": "\(target.channelID)", "provider": "\(target.provider)",
                "reason": "\(reason ?? "-")", "actor": "\(target.actor)",
            ])
    }

    // MARK: The grant

    private func grant(_ exchanged: ExchangedAuthorization) async throws -> AuthorizedGrant {
        let target = exchanged.authorization.target
        let answer = exchanged.answer
        guard let entry = catalogue[target.provider],
            let app = apps.app(provider: target.provider, tenantID: target.tenantID)
        else { throw Stop.later }
        guard !answer.isOverLong else { throw Stop.refused(.noAnswer, [:]) }
        let first = try renewal(of: answer, entry)
        let identity = entry.identityToken(in: answer)
        try check(identity, of: exchanged, clientID: app.clientID)
        var inputs = RequestInputs(
            credential: first.credential, app: app, secret: app.secrets.first, externalID: first.externalID)
        var renewal = try await upgraded(first, answer, entry, inputs)
        renewal.credential.parameters.merge(entry.parameters(ofAnswer: answer)) { _, new in new }
        inputs.credential = renewal.credential
        let inspection = try await inspection(entry, inputs)
        if inspection?.isAlive == false { throw Stop.refused(.codeRefused, [:]) }
        let account = try await account(entry, inputs, first: first, identity: identity, inspection: inspection)
        let isStated = !answer.presented.scopes.isEmpty && first.credential.scopes != answer.presented.scopes
        if let scopes = inspection?.scopes, !isStated, !scopes.isEmpty { renewal.credential.scopes = scopes }

        do {
            try await checkAccount(account, exchanged.authorization, entry)
        } catch Stop.refused(.wrongAccount, let facts) {
            if let account { await revokeForeign(account: account, target, entry, inputs) }
            throw Stop.refused(.wrongAccount, facts)
        }
        try checkScopes(granted: renewal.credential.scopes, asked: answer.presented.scopes)
        if entry.credential == .refreshToken, renewal.credential.refreshToken == nil {
            throw Stop.refused(.refreshTokenMissing, [:])
        }
        return AuthorizedGrant(
            grant: newGrant(renewal, inspection, entry, channel: target.channelID), accountID: account)
    }

    private func renewal(of answer: JournalAnswer, _ entry: ProviderEntry) throws -> Renewal {
        do {
            return try entry.renewal(from: answer, phase: .exchange)
        } catch .refused(let failure) {
            throw Stop.refused(AuthorizationRefusal(failure.answerClass), ["message": failure.message])
        } catch {
            throw Stop.refused(.noAnswer, [:])
        }
    }

    /// An identity token that came with the answer is for this app and this sign-in.
    private func check(_ token: IdentityToken?, of exchanged: ExchangedAuthorization, clientID: String) throws {
        guard let token else { return }
        let isForApp = token.audiences.isEmpty || token.audiences.contains(clientID)
        let isForFlow = exchanged.nonceDigest.map { $0 == token.nonce.map { TokenDigest.of(Secret($0)) } } ?? true
        guard isForApp, isForFlow else { throw Stop.refused(.identityForged, [:]) }
    }

    /// The provider's second step: short-lived → long-lived.
    private func upgraded(
        _ first: Renewal, _ answer: JournalAnswer, _ entry: ProviderEntry, _ inputs: RequestInputs
    ) async throws -> Renewal {
        guard let request = try entry.upgradeRequest(inputs) else { return first }
        let at = now()
        let response = try await ask(request)
        var second = answer
        second.presented = first.credential
        second.requestedAt = at
        second.status = response.status
        second.headers = response.headers
        second.body = response.body
        do {
            return try entry.renewal(from: second, phase: .exchange)
        } catch .refused(let failure) {
            let refusal = AuthorizationRefusal(failure.answerClass)
            if refusal == .noAnswer { throw Stop.later }
            throw Stop.refused(refusal, ["message": failure.message])
        } catch {
            throw Stop.refused(.noAnswer, [:])
        }
    }

    private func inspection(_ entry: ProviderEntry, _ inputs: RequestInputs) async throws -> Inspection? {
        guard let request = (try? entry.inspectRequest(inputs)) ?? nil else { return nil }
        let response = try await ask(request)
        do {
            return try entry.inspection(
                status: response.status, headers: response.headers, body: response.body, at: now(),
                presented: [inputs.credential.accessToken].compactMap(\.self))
        } catch .refused(let failure) {
            switch failure.answerClass {
            case .transient, .rateLimited: throw Stop.later
            case .reauth: throw Stop.refused(.codeRefused, ["message": failure.message])
            // The inspection is not for this app; it says nothing of the token.
            default: return nil
            }
        } catch {
            return nil
        }
    }

    private func account(
        _ entry: ProviderEntry, _ inputs: RequestInputs, first: Renewal, identity: IdentityToken?,
        inspection: Inspection?
    ) async throws -> String? {
        if let name = entry.identityParameter, let account = inputs.credential.parameters[name] { return account }
        if let account = first.externalID { return account }
        if let request = (try? entry.identifyRequest(inputs)) ?? nil {
            let response = try await ask(request)
            do {
                if let account = try entry.identity(
                    status: response.status, headers: response.headers, body: response.body,
                    presented: [inputs.credential.accessToken].compactMap(\.self), at: now())
                {
                    return account
                }
            } catch .refused(let failure) where [.transient, .rateLimited].contains(failure.answerClass) {
                throw Stop.later
            } catch {}
        }
        return inspection?.externalID ?? identity?.subject
    }

    private func ask(_ request: OutgoingRequest) async throws -> IncomingResponse {
        guard
            case .answered(let response) = await sender.send(
                request, limits: TransferLimits(total: .seconds(10)), permit: { true }),
            !response.isCut, response.status < 500
        else { throw Stop.later }
        return response
    }

    // MARK: The checks

    private func checkAccount(
        _ account: String?, _ authorization: Authorization, _ entry: ProviderEntry
    ) async throws {
        let target = authorization.target
        guard !target.isConnection else { return }
        guard let channel = try await channels.channel(target.channelID, tenantID: target.tenantID) else {
            throw Stop.refused(.supersededMeanwhile, [:])
        }
        // Where the account is part of the address, the code was redeemed at the channel's own.
        if entry.identityParameter != nil { return }
        guard let expected = channel.externalID else { return }
        guard let account else {
            if target.isSignedIn { return }
            throw Stop.refused(.accountUnproven, [:])
        }
        guard account == expected else {
            throw Stop.refused(.wrongAccount, ["actual": account, "expected": expected])
        }
    }

    /// Scopes of OpenID Connect that answers need not repeat.
    private static let unrepeated: Set<String> = [
        "openid", "profile", "email", "address", "phone", "offline_access", "offline",
    ]

    private func checkScopes(granted: [String], asked: [String]) throws {
        let missing = Set(asked).subtracting(granted).subtracting(Self.unrepeated)
        guard missing.isEmpty else {
            throw Stop.refused(.scopeMissing, ["scopes": missing.sorted().joined(separator: " ")])
        }
    }

    private func newGrant(
        _ renewal: Renewal, _ inspection: Inspection?, _ entry: ProviderEntry, channel: ChannelID
    ) -> NewGrant {
        var renewal = renewal
        if let inspection { renewal.refine(by: inspection, of: entry) }
        var refreshEnd = renewal.refreshExpiresAt
        if renewal.keepsRefreshExpiry, let life = entry.lifetime.refresh {
            refreshEnd = renewal.accessIssuedAt.addingTimeInterval(life.seconds)
        }
        return NewGrant(
            credential: renewal.credential, accessIssuedAt: renewal.accessIssuedAt,
            accessExpiresAt: renewal.accessExpiresAt, refreshExpiresAt: refreshEnd,
            humanDeadlineAt: entry.credential == .refreshToken ? refreshEnd : renewal.humanDeadlineAt,
            dueAt: entry.credential == .none ? nil : entry.dueAt(after: renewal, channel: channel))
    }
}
