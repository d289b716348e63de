/// What the sandbox does instead of, or on top of, its ordinary answer.
package enum SandboxFault: Sendable, Equatable {
    /// The grant is revoked for good (until it is issued anew) and the answer says so.
    case revoked
    /// HTTP 429 with `Retry-After`, or what the platform sends for it.
    case rateLimited(retryAfter: Duration)
    /// The platform does not know the app or its secret.
    case appRejected
    /// The account is unpaid or deactivated, where the platform has such an answer; else as a dead grant.
    case suspended
    case serverError(status: Int = 503, afterRotating: Bool = false)
    /// A web page with status 200.
    case html(afterRotating: Bool = false)
    /// Declares the whole length, sends half of it, closes. The token is spent.
    case cut
    case dripping(every: Duration = .seconds(1))
    /// A right answer inside a body of this many bytes. The token is spent.
    case huge(bytes: Int = 10 << 20)
    /// A right answer, this much later. The token is spent at once.
    case slow(Duration)
    /// No answer ever.
    case hang(afterRotating: Bool = false)
    /// The connection closes without an answer.
    case closed(afterRotating: Bool = false)
    /// The connection closes when the second request on it has been read.
    case closedAfterReuse(afterRotating: Bool = false)
    /// A right answer whose refresh token is an empty string. The old one is spent.
    case blankRefreshToken
    /// A right answer called `text/html`.
    case wrongContentType
    /// A right answer without a lifetime.
    case missingExpiry
    /// A right answer whose expiry is the old one.
    case notExtended

    /// The word of the control endpoint and of reports.
    package var name: String {
        switch self {
        case .revoked: "revoked"
        case .rateLimited: "rateLimited"
        case .appRejected: "appRejected"
        case .suspended: "suspended"
        case .serverError: "serverError"
        case .html: "html"
        case .cut: "cut"
        case .dripping: "dripping"
        case .huge: "huge"
        case .slow: "slow"
        case .hang: "hang"
        case .closed: "closed"
        case .closedAfterReuse: "closedAfterReuse"
        case .blankRefreshToken: "blankRefreshToken"
        case .wrongContentType: "wrongContentType"
        case .missingExpiry: "missingExpiry"
        case .notExtended: "notExtended"
        }
    }

    /// Whether the request is refused or lost before anything happens to the token.
    var spares: Bool {
        switch self {
        case .revoked, .rateLimited, .appRejected, .suspended: true
        case .serverError(_, let rotates), .html(let rotates), .hang(let rotates), .closed(let rotates),
            .closedAfterReuse(let rotates):
            !rotates
        case .cut, .dripping, .huge, .slow, .blankRefreshToken, .wrongContentType, .missingExpiry, .notExtended: false
        }
    }
}

/// Whose requests a fault meets.
package enum SandboxFaultScope: Sendable, Equatable {
    case everything
    case provider(SandboxPlatform)
    case app(clientID: String)
    case grant(SandboxGrantKey)
}

/// A fault that waits for requests.
struct FaultRule: Sendable {
    var id: Int
    var scope: SandboxFaultScope
    var fault: SandboxFault
    /// Nil: for ever.
    var remaining: Int?

    func meets(provider: SandboxPlatform, clientID: String?, grant: SandboxGrantKey?, ordinal: Int) -> Bool {
        if case .closedAfterReuse = fault, ordinal < 2 { return false }
        switch scope {
        case .everything: return true
        case .provider(let wanted): return wanted == provider
        case .app(let wanted): return wanted == clientID
        case .grant(let wanted): return wanted == grant
        }
    }
}

/// Faults in the order they were set; the newest that meets a request is played.
struct FaultBook: Sendable {
    private(set) var rules: [FaultRule] = []
    private var lastID = 0

    static let rulesMax = 10_000

    mutating func add(_ fault: SandboxFault, _ scope: SandboxFaultScope, times: Int?) -> Int {
        lastID += 1
        if rules.count == Self.rulesMax { rules.removeFirst() }
        if times ?? 1 > 0 { rules.append(FaultRule(id: lastID, scope: scope, fault: fault, remaining: times)) }
        return lastID
    }

    mutating func remove(where unwanted: (FaultRule) -> Bool) {
        rules.removeAll(where: unwanted)
    }

    /// Takes one use of the newest rule that meets the request.
    mutating func take(
        provider: SandboxPlatform, clientID: String?, grant: SandboxGrantKey?, ordinal: Int
    ) -> SandboxFault? {
        guard
            let index = rules.lastIndex(where: {
                $0.meets(provider: provider, clientID: clientID, grant: grant, ordinal: ordinal)
            })
        else { return nil }
        let fault = rules[index].fault
        if let remaining = rules[index].remaining {
            if remaining > 1 { rules[index].remaining = remaining - 1 } else { rules.remove(at: index) }
        }
        return fault
    }
}
