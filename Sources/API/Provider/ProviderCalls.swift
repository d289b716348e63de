package import Domain
import FoundationEssentials
package import Providers

/// Calls about a stored token that spend nothing: inspection, probe, revocation, the step from short to long.
///
/// None of them is journalled: each can be made again.
package struct ProviderCalls: Sendable {
    /// As PROTOCOL §3.4: the app's secrets that are tried in one go.
    static let secretsMax = 3

    let catalogue: Catalogue
    let apps: any AppListing
    let sender: any HTTPSending
    let limits: TransferLimits

    package init(catalogue: Catalogue, apps: any AppListing, sender: any HTTPSending, limit: Duration = .seconds(10)) {
        self.catalogue = catalogue
        self.apps = apps
        self.sender = sender
        limits = TransferLimits(total: limit)
    }

    /// How a call ended.
    package enum End<Value: Sendable>: Sendable {
        case done(Value)
        /// The entry has no such request.
        case unsupported
        /// Nothing was sent: what is missing, as a sentence.
        case impossible(String)
        /// The provider's answer, classified; `client` speaks of the app, never of the channel.
        case refused(AnswerFailure)
        case unreachable(String)
    }

    package enum Method: String, Sendable { case inspect, probe }

    /// What the provider says of the access token.
    package func inspect(_ grant: StoredGrant) async -> (method: Method?, end: End<Inspection>) {
        guard let entry = catalogue[grant.provider] else { return (nil, .unsupported) }
        let method: Method? = entry.canInspect ? .inspect : entry.hasRequest(.probe) ? .probe : nil
        guard let method else { return (nil, .unsupported) }
        let end = await call(grant, phase: method == .inspect ? .inspect : .probe) { inputs throws(RequestError) in
            method == .inspect ? try entry.inspectRequest(inputs) : try entry.probeRequest(inputs)
        } read: { response, secrets throws(AnswerError) in
            method == .inspect
                ? try entry.inspection(
                    status: response.status, headers: response.headers, body: response.body, presented: secrets)
                : try entry.probe(
                    status: response.status, headers: response.headers, body: response.body, presented: secrets)
        }
        return (method, end)
    }

    /// Ends the grant at the provider.
    package func revoke(_ grant: StoredGrant) async -> End<Void> {
        guard let entry = catalogue[grant.provider] else { return .unsupported }
        return await call(grant, phase: .revoke) { inputs throws(RequestError) in
            try entry.revokeRequest(inputs)
        } read: { response, secrets throws(AnswerError) in
            let verdict = entry.verdict(
                status: response.status, headers: response.headers, body: response.body, phase: .revoke,
                presented: secrets)
            if case .failure(let failure) = verdict { throw .refused(failure) }
        }
    }

    /// Exchanges a short-lived access token for a long-lived one.
    package func upgrade(_ grant: StoredGrant) async -> End<Renewal> {
        guard let entry = catalogue[grant.provider], entry.hasRequest(.upgrade) else { return .unsupported }
        let requestedAt = Date()
        return await call(grant, phase: .exchange) { inputs throws(RequestError) in
            try entry.upgradeRequest(inputs)
        } read: { [catalogue] response, _ throws(AnswerError) in
            try entry.renewal(
                from: JournalAnswer(
                    key: ClaimKey(channelID: grant.channelID, attempt: 0), tenantID: grant.tenantID,
                    provider: grant.provider, appID: grant.appID, secretIndex: 0, grantID: 0, base: 0,
                    requestedAt: requestedAt, presented: grant.credential, catalogueRevision: catalogue.revision,
                    status: response.status, headers: response.headers, body: response.body, isCut: response.isCut,
                    isOverLong: response.isOverLong),
                phase: .exchange)
        }
    }

    /// Whether revoking this grant ends nothing of another channel; the apps whose channels would have to be none.
    package func appsSharingConsent(with grant: StoredGrant) -> [String] {
        guard let app = apps.app(provider: grant.provider, tenantID: grant.tenantID) else { return [grant.appID] }
        return Set(apps.all.filter { $0.clientID == app.clientID }.map(\.id) + [grant.appID]).sorted()
    }

    package func reach(of provider: String) -> RevocationReach? { catalogue[provider]?.revocationReach }

    private func call<Value: Sendable>(
        _ grant: StoredGrant, phase: Phase,
        build: (RequestInputs) throws(RequestError) -> OutgoingRequest?,
        read: (IncomingResponse, [Secret]) throws(AnswerError) -> Value
    ) async -> End<Value> {
        guard let app = apps.app(provider: grant.provider, tenantID: grant.tenantID) else {
            return .impossible("No app of \(grant.provider) is configured: set its client id and secret.")
        }
        let secrets: [Secret?] = app.secrets.isEmpty ? [nil] : app.secrets.map { $0 }
        var refusal: AnswerFailure?
        for secret in secrets.prefix(Self.secretsMax) {
            let request: OutgoingRequest
            do throws(RequestError) {
                let inputs = RequestInputs(
                    credential: grant.credential, app: app, secret: secret, externalID: grant.externalID)
                guard let built = try build(inputs) else { return .unsupported }
                request = built
            } catch {
                return .impossible("\(error)")
            }
            let presented = [grant.credential.accessToken, grant.credential.refreshToken, secret].compactMap { $0 }
            switch await sender.send(request, limits: limits, permit: { true }) {
            case .notSent(_, let message), .lost(_, let message):
                return .unreachable(message)
            case .answered(let response):
                do throws(AnswerError) {
                    return .done(try read(response, presented))
                } catch .refused(let failure) {
                    refusal = failure
                    guard failure.answerClass == .client else { return .refused(failure) }
                } catch {
                    return .impossible("\(error)")
                }
            }
        }
        return refusal.map { .refused($0) } ?? .unsupported
    }
}
