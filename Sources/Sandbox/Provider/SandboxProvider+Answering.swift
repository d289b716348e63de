import Domain
import FoundationEssentials
import Synchronization

extension SandboxProvider {
    func answer(_ request: WireRequest) -> WireAnswer {
        let path = request.path.drop { $0 == "/" }
        let parts = path.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let head = parts.first.map(String.init) ?? ""
        let tail = parts.count > 1 ? String(parts[1]) : ""
        if head == "_sandbox" { return control(tail, request) }
        guard let platform = SandboxPlatform(rawValue: head) else {
            return .text("404: the sandbox serves \(SandboxPlatform.allCases.map(\.rawValue))\n", status: 404)
        }
        if tail == "authorize" || tail.hasPrefix("authorize/") { return consent(platform, tail, request) }
        let dialect = platform.dialect
        if tail.hasSuffix("probe") { return probe(platform, request) }
        guard let read = dialect.call(tail, request) else { return dialect.notFound }
        switch read {
        case .failure(let error):
            publish(platform, nil, .refresh, error.refusal.name, nil)
            return dialect.refusal(error.refusal, .refresh)
        case .success(let call):
            switch call.operation {
            case .refresh, .exchange: return token(call, platform, dialect, request)
            case .inspect: return inspection(call, platform, dialect)
            case .revoke: return revocation(call, platform, dialect)
            }
        }
    }

    private func token(
        _ call: TokenCall, _ platform: SandboxPlatform, _ dialect: any Dialect, _ request: WireRequest
    ) -> WireAnswer {
        let now = now()
        let proof = call.operation == .exchange ? dialect.proof.union(.full) : dialect.proof
        let settlement = ledger.withLock {
            $0.settle(call, provider: platform, ordinal: request.ordinal, now: now, proof: proof)
        }
        var answer: WireAnswer
        let outcome: String
        switch settlement.result {
        case .success(let issue):
            answer = WireAnswer(json: dialect.success(issue, fault: settlement.fault))
            outcome = call.operation == .exchange ? "exchanged" : "renewed"
        case .failure(let error):
            answer = dialect.refusal(error.refusal, call.operation)
            outcome = error.refusal.name
        case nil:
            answer = dialect.refusal(.server(500), call.operation)
            outcome = "nothing"
        }
        play(settlement.fault, on: &answer, dialect, call.operation)
        answer.ended = { [self] in ledger.withLock { $0.end(settlement.request) } }
        publish(platform, settlement.grant, call.operation, outcome, settlement.fault)
        return answer
    }

    /// Turns the ordinary answer into what the fault puts on the wire.
    private func play(
        _ fault: SandboxFault?, on answer: inout WireAnswer, _ dialect: any Dialect, _ operation: Operation
    ) {
        switch fault {
        case nil, .revoked, .rateLimited, .appRejected, .suspended, .blankRefreshToken, .missingExpiry, .notExtended:
            break
        case .serverError(let status, _): answer = dialect.refusal(.server(status), operation)
        case .html: answer = .html("Checking your browser", "<p>Please wait.</p>")
        case .cut: answer.delivery = .cut
        case .dripping(let pause): answer.delivery = .dripping(every: pause)
        case .huge(let bytes):
            // White space before the value is still JSON: only a limit ends such an answer.
            answer.body = [UInt8](repeating: UInt8(ascii: " "), count: max(0, bytes - answer.body.count)) + answer.body
        case .slow(let delay): answer.delay = delay
        case .hang: answer.delivery = .hanging
        case .closed, .closedAfterReuse: answer.delivery = .closing
        case .wrongContentType: answer.setContentType("text/html")
        }
    }

    private func inspection(_ call: TokenCall, _ platform: SandboxPlatform, _ dialect: any Dialect) -> WireAnswer {
        let now = now()
        let finding = ledger.withLock { ledger in
            var finding = ledger.find(call.credential, provider: platform, now: now)
            // Google's tokeninfo proves nothing of the app; the others authenticate it.
            finding.appIsKnown =
                call.clientID == nil && platform.behaviour.rotation == .never
                || (try? ledger.checkApp(call, platform, .full)) != nil
            return finding
        }
        publish(platform, finding.issue?.grant, .inspect, finding.issue == nil ? "inactive" : "active", nil)
        return dialect.inspection(finding)
    }

    /// A call of the platform's own interface with the access token alone.
    private func probe(_ platform: SandboxPlatform, _ request: WireRequest) -> WireAnswer {
        let bearer = request.header("authorization").map { String($0.dropFirst("Bearer ".count)) }
        let token = bearer ?? request.query["access_token"]
        let now = now()
        let issue = ledger.withLock { $0.find(token, provider: platform, now: now).issue }
        publish(platform, issue?.grant, .inspect, issue == nil ? "inactive" : "active", nil)
        guard let issue else {
            return WireAnswer(status: 401, json: ["error": ["code": 190, "message": "Invalid access token"]])
        }
        return WireAnswer(json: ["id": .string(issue.grant.account)])
    }

    private func revocation(_ call: TokenCall, _ platform: SandboxPlatform, _ dialect: any Dialect) -> WireAnswer {
        let owner = ledger.withLock { ledger -> SandboxGrantKey? in
            guard let owner = ledger.owner(of: call.credential, provider: platform), ledger.revoke(owner) else {
                return nil
            }
            return owner
        }
        publish(platform, owner, .revoke, owner == nil ? "unknown" : "revoked", nil)
        return dialect.revocation(known: owner != nil)
    }

    private func publish(
        _ platform: SandboxPlatform, _ grant: SandboxGrantKey?, _ operation: Operation, _ outcome: String,
        _ fault: SandboxFault?
    ) {
        publish(
            SandboxExchange(
                provider: platform, account: grant?.account, operation: operation.rawValue, outcome: outcome,
                fault: fault?.name))
    }
}
