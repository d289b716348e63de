import Domain
import FoundationEssentials
import Logging
import Providers
import Sealing

/// The button: the browser gets a sealed cookie and goes to the provider.
extension Reauthorization {
    func start(_ visit: Visit, _ subject: Subject) async throws -> PageAnswer {
        guard case .open(var link) = subject else { return try await show(visit, subject) }
        let plan: ConsentPlan
        switch self.plan(link) {
        case .success(let ready): plan = ready
        case .failure: return try await show(visit, subject)
        }
        let session = try await session(visit.request, for: link.target.tenantID)
        guard session != nil || !needsSignIn(link, plan) else { return try await show(visit, subject) }
        if let session {
            link.target.actor = session
            link.target.isSignedIn = true
        }
        let id = FlowCookie.newID()
        let proof = ProofKey()
        let flow = FlowCookie(
            state: FlowCookie.newState(id: id), verifier: plan.entry.usesProofKey ? proof.verifier.reveal() : "",
            nonce: Base64URL.text(RandomBytes.make(16)), provider: plan.entry.name, app: plan.app.id,
            client: plan.app.clientID, link: link.path, grant: link.target.grantID, actor: link.target.actor,
            isSignedIn: link.target.isSignedIn, startedAt: now())
        let address = try plan.entry.authorizeURL(
            plan.inputs, state: flow.state, scopes: plan.scopes,
            challenge: plan.entry.usesProofKey ? proof.challenge : nil, nonce: flow.nonce)
        var answer = PageAnswer.redirect(to: address)
        answer.headers += oldest(of: visit.request).map { site.setCookie($0, "", seconds: 0) }
        answer.headers.append(
            site.setCookie(
                Self.flowName(id), try ring.sealedText(flow, kind: .cookie, id: id),
                seconds: Int(FlowCookie.lifetime)))
        logger.info(
            "a consent was begun",
            metadata: [
                "event": "authorization.begun", "channel": "\(link.target.channelID)", "provider": "\(plan.entry.name)",
            ])
        return answer
    }

    static func flowName(_ id: String) -> String { "flow-" + id }

    /// Flows beyond the fourth make room for the new one, the oldest first.
    private func oldest(of request: PageRequest) -> [String] {
        let prefix = site.cookieName("")
        let flows = request.cookies.map(\.name).filter { $0.hasPrefix(prefix + "flow-") }
        return flows.prefix(max(0, flows.count - (FlowCookie.countMax - 1))).map { String($0.dropFirst(prefix.count)) }
    }
}
