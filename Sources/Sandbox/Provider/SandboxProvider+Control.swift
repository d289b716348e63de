import Domain
import FoundationEssentials
import Synchronization

extension SandboxProvider {
    /// `/_sandbox/…`: faults and grants for people and scripts; digests of tokens, never tokens.
    func control(_ path: String, _ request: WireRequest) -> WireAnswer {
        switch (request.method, path) {
        case ("GET", "grants"): return WireAnswer(json: grantsReport())
        case ("GET", "faults"): return WireAnswer(json: faultsReport())
        case ("DELETE", "faults"):
            removeFaults()
            return WireAnswer(json: ["faults": []])
        case ("POST", "faults"):
            switch FaultOrder.read(request.body) {
            case .success(let order):
                let id = inject(order.fault, on: order.scope, times: order.times)
                return WireAnswer(json: ["id": .number(Int64(id))])
            case .failure(let error):
                return WireAnswer(status: 400, json: ["error": .string(error.description)])
            }
        default:
            return .text("404: GET /_sandbox/grants, GET POST DELETE /_sandbox/faults\n", status: 404)
        }
    }

    private func grantsReport() -> JSONValue {
        let snapshot = snapshot()
        let grants = snapshot.grants.map { grant -> JSONValue in
            [
                "provider": .string(grant.key.provider.rawValue), "account": .string(grant.key.account),
                "access": .string(tokenDigest(grant.newest.access.reveal())),
                "refresh": grant.newest.refresh.map { .string(tokenDigest($0.reveal())) } ?? .null,
                "issuedAt": .string(grant.newest.issuedAt.formatted(.iso8601)),
                "accessExpiresAt": .string(grant.newest.accessExpiresAt.formatted(.iso8601)),
                "revoked": .bool(grant.isRevoked), "requests": .number(Int64(grant.requests)),
                "renewals": .number(Int64(grant.renewals)), "reuses": .number(Int64(grant.reuses)),
                "overlaps": .number(Int64(grant.overlaps)), "inFlight": .number(Int64(grant.inFlight)),
                "inFlightMax": .number(Int64(grant.inFlightMax)),
            ]
        }
        return [
            "requests": .number(Int64(snapshot.requests)), "renewals": .number(Int64(snapshot.renewals)),
            "reuses": .number(Int64(snapshot.reuses)), "overlaps": .number(Int64(snapshot.overlaps)),
            "unknownCredentials": .number(Int64(snapshot.unknownCredentials)), "grants": .array(grants),
        ]
    }

    private func faultsReport() -> JSONValue {
        let rules = ledger.withLock { $0.faults.rules }
        return [
            "faults": .array(
                rules.map { rule in
                    var report: JSONValue = [
                        "id": .number(Int64(rule.id)), "fault": .string(rule.fault.name),
                        "times": rule.remaining.map { .number(Int64($0)) } ?? .null,
                    ]
                    switch rule.scope {
                    case .everything: break
                    case .provider(let provider): report = report.setting("provider", to: .string(provider.rawValue))
                    case .app(let clientID): report = report.setting("app", to: .string(clientID))
                    case .grant(let key):
                        report = report.setting("provider", to: .string(key.provider.rawValue))
                            .setting("account", to: .string(key.account))
                    }
                    return report
                })
        ]
    }
}

/// A fault as `POST /_sandbox/faults` names it.
struct FaultOrder {
    var fault: SandboxFault
    var scope: SandboxFaultScope
    var times: Int?

    struct Misread: Error, CustomStringConvertible {
        var description: String
    }

    private struct Body: Decodable {
        var fault: String
        var provider: String?
        var account: String?
        var app: String?
        /// How often; absent: once (`forever` wins).
        var times: Int?
        var forever: Bool?
        var afterRotating: Bool?
        var status: Int?
        var seconds: Double?
        var bytes: Int?
    }

    static func read(_ bytes: [UInt8]) -> Result<FaultOrder, Misread> {
        let example = #"{"fault": "rateLimited", "seconds": 5, "provider": "youtube", "account": "…", "times": 3}"#
        guard let body = try? JSONDecoder().decode(Body.self, from: Data(bytes)) else {
            return .failure(Misread(description: "send a JSON object such as \(example)"))
        }
        guard let fault = fault(body) else {
            return .failure(
                Misread(
                    description: """
                        unknown fault "\(body.fault)": use one of revoked, rateLimited, appRejected, suspended, \
                        serverError, html, cut, dripping, huge, slow, hang, closed, closedAfterReuse, \
                        blankRefreshToken, wrongContentType, missingExpiry, notExtended
                        """))
        }
        var provider: SandboxPlatform?
        if let name = body.provider {
            provider = SandboxPlatform(rawValue: name)
            if provider == nil { return .failure(Misread(description: "unknown provider \"\(name)\"")) }
        }
        let scope: SandboxFaultScope
        switch (provider, body.account, body.app) {
        case (let provider?, let account?, nil): scope = .grant(SandboxGrantKey(provider, account))
        case (let provider?, nil, nil): scope = .provider(provider)
        case (nil, nil, let app?): scope = .app(clientID: app)
        case (nil, nil, nil): scope = .everything
        default:
            return .failure(Misread(description: "name a provider, a provider and an account, or an app alone"))
        }
        return .success(
            FaultOrder(fault: fault, scope: scope, times: body.forever == true ? nil : max(1, body.times ?? 1)))
    }

    private static func fault(_ body: Body) -> SandboxFault? {
        let rotates = body.afterRotating ?? false
        let wait = body.seconds.map { Duration.seconds(min(max($0, 0), 86400)) }
        switch body.fault {
        case "revoked": return .revoked
        case "rateLimited": return .rateLimited(retryAfter: wait ?? .seconds(5))
        case "appRejected": return .appRejected
        case "suspended": return .suspended
        case "serverError": return .serverError(status: min(max(body.status ?? 503, 400), 599), afterRotating: rotates)
        case "html": return .html(afterRotating: rotates)
        case "cut": return .cut
        case "dripping": return .dripping(every: wait ?? .seconds(1))
        case "huge": return .huge(bytes: min(max(body.bytes ?? 10 << 20, 0), 100 << 20))
        case "slow": return .slow(wait ?? .seconds(5))
        case "hang": return .hang(afterRotating: rotates)
        case "closed": return .closed(afterRotating: rotates)
        case "closedAfterReuse": return .closedAfterReuse(afterRotating: rotates)
        case "blankRefreshToken": return .blankRefreshToken
        case "wrongContentType": return .wrongContentType
        case "missingExpiry": return .missingExpiry
        case "notExtended": return .notExtended
        default: return nil
        }
    }
}
