import Domain
import FoundationEssentials
import Providers
import Sealing

/// Coming back from the provider: everything is judged before the code is sent anywhere.
extension Reauthorization {
    /// - Parameter provider: of the path; nil for an app's own redirect path.
    func callback(_ visit: Visit, provider: String?) async throws -> PageAnswer {
        let request = visit.request
        guard let state = request.only("state"), let id = FlowCookie.id(ofState: state),
            let flow = flow(id, in: request), KeyRing.isEqual(Array(flow.state.utf8), Array(state.utf8)),
            now().timeIntervalSince(flow.startedAt) <= FlowCookie.lifetime, provider ?? flow.provider == flow.provider
        else { return try visit.pages.notice(.otherBrowser) }
        var answer = try await answer(visit, flow)
        // Used up, whatever came of it.
        answer.headers.append(site.setCookie(Self.flowName(id), "", seconds: 0))
        return answer
    }

    private func flow(_ id: String, in request: PageRequest) -> FlowCookie? {
        let name = site.cookieName(Self.flowName(id))
        return request.cookies.last { $0.name == name }.flatMap {
            ring.opened($0.value, as: FlowCookie.self, kind: .cookie, id: id)
        }
    }

    private func answer(_ visit: Visit, _ flow: FlowCookie) async throws -> PageAnswer {
        let request = visit.request
        let pages = visit.pages
        let parts = flow.link.split(separator: "/").map(String.init)
        guard parts.count == 2, let kind = LinkKind(rawValue: parts[0]) else { return try pages.notice(.otherBrowser) }
        let digest = TokenDigest.of(Secret(flow.state))
        if let earlier = try await ports.authorizations.authorization(stateDigest: digest) {
            // A second answer of a flow that went well changes nothing and is no reason to frighten anybody.
            return earlier.state == .stored ? .redirect(to: flow.link) : try pages.notice(.replayed, back: flow.link)
        }
        let subject = try await subject(kind, parts[1])
        guard case .open(let opened) = subject else {
            return subject.isDone ? try pages.notice(.supersededMeanwhile) : try await show(visit, subject)
        }
        guard opened.target.grantID == flow.grant else { return try pages.notice(.supersededMeanwhile) }
        guard case .success(let plan) = self.plan(opened), plan.entry.name == flow.provider, plan.app.id == flow.app,
            plan.app.clientID == flow.client, site.path(of: plan.redirectURI) == request.path
        else { return try pages.notice(.otherBrowser) }
        var link = opened
        link.target.actor = flow.actor
        link.target.isSignedIn = flow.isSignedIn

        if let issuer = request.query.first(where: { $0.name == "iss" })?.value {
            do {
                guard request.only("iss") != nil else { throw CallbackFault.issuer }
                try plan.entry.checkIssuer(issuer, of: plan.inputs)
            } catch {
                return try pages.notice(.issuerMismatch, back: link.path)
            }
        }
        if let error = request.query.first(where: { $0.name == "error" })?.value {
            let text = request.query.first { $0.name == "error_description" }?.value
            return try pages.notice(
                .declined, ["message": text.map { "\(error): \($0)" } ?? error], back: link.path)
        }
        guard let code = request.only("code") ?? request.only("auth_code"), (1...4096).contains(code.utf8.count),
            code.utf8.allSatisfy({ (33...126).contains($0) })
        else { return try pages.notice(.callbackRefused, ["parameter": "code"], back: link.path) }
        var inputs = plan.inputs
        do {
            inputs.credential.parameters = try plan.entry.parameters(
                ofCallback: request.query, stored: link.parameters)
        } catch {
            let name = if case .parameter(let name) = error { name } else { "iss" }
            return try pages.notice(.callbackRefused, ["parameter": name], back: link.path)
        }
        inputs.code = Secret(code)
        inputs.codeVerifier = flow.verifier.isEmpty ? nil : Secret(flow.verifier)
        let redemption = CodeExchange.Redemption(
            target: link.target, entry: plan.entry, inputs: inputs, stateDigest: digest,
            nonceDigest: plan.scopesAsked.contains("openid") ? TokenDigest.of(Secret(flow.nonce)) : nil,
            catalogueRevision: ports.catalogue.revision)
        return try await finish(visit, link, await exchange.redeem(redemption))
    }

    private func finish(
        _ visit: Visit, _ link: OpenLink, _ end: CodeExchange.End
    ) async throws -> PageAnswer {
        let pages = visit.pages
        switch end {
        case .replayed: return try pages.notice(.replayed, back: link.path)
        case .notSent: return try pages.notice(.unavailable, back: link.path)
        case .refused(let refusal, let message):
            return try pages.notice(Notice(refusal), facts(link, ["message": message]), back: link.path)
        case .keptForLater: return try pages.notice(.pending, facts(link, [:]), back: link.path)
        case .kept(let exchanged):
            switch await finisher.finish(exchanged) {
            case .stored: return .redirect(to: link.path)
            case .later: return try pages.notice(.pending, facts(link, [:]), back: link.path)
            case .refused(let refusal, let told):
                return try pages.notice(Notice(refusal), facts(link, told), back: link.path)
            }
        }
    }

    private func facts(_ link: OpenLink, _ more: [String: String?]) -> [String: String?] {
        let title = ports.catalogue[link.target.provider]?.title ?? link.target.provider
        let known: [String: String?] = [
            "name": link.target.displayName ?? link.channel?.id.rawValue ?? title, "providerTitle": title,
        ]
        return known.merging(more) { _, new in new }
    }
}

extension Subject {
    fileprivate var isDone: Bool { if case .done = self { true } else { false } }
}

extension ConsentPlan {
    /// What the consent page was asked for.
    var scopesAsked: [String] { scopes.isEmpty ? entry.authorization.defaultScopes : scopes }
}
