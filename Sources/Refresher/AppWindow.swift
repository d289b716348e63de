import Domain
package import FoundationEssentials
import Providers

/// The last attempts with one app, as one replica saw them (PROTOCOL §7: twenty attempts, ten minutes).
struct AppWindow: Sendable {
    /// What an attempt says of the app that it was made with.
    enum Evidence: Sendable {
        case renewed
        /// A named verdict on the grant.
        case denied
        /// No answer, or one that says nothing of the grant.
        case failing
        case other
    }

    private struct Entry {
        var evidence: Evidence
        var channel: ChannelID
        var tenant: String
        var at: ContinuousClock.Instant
    }

    static let attemptsMax = 20
    static let lasts: Duration = .seconds(600)
    static let deniedChannelsMin = 5
    static let failingChannelsMin = 3

    private var entries: [Entry] = []

    mutating func note(_ evidence: Evidence, of claim: Claim, at now: ContinuousClock.Instant) {
        entries.removeAll { $0.at.duration(to: now) > Self.lasts }
        entries.append(Entry(evidence: evidence, channel: claim.channelID, tenant: claim.tenantID, at: now))
        if entries.count > Self.attemptsMax { entries.removeFirst(entries.count - Self.attemptsMax) }
    }

    mutating func forget(_ evidence: Evidence) { entries.removeAll { $0.evidence == evidence } }

    /// Of how many tenants the denied channels are, when they are many and at least half of the attempts; else nil.
    var deniedTenants: Int? {
        let denied = entries.filter { $0.evidence == .denied }
        guard Set(denied.map(\.channel)).count >= Self.deniedChannelsMin, denied.count * 2 >= entries.count else {
            return nil
        }
        return Set(denied.map(\.tenant)).count
    }

    /// Whether several channels fail and none succeeded since.
    var isFailing: Bool {
        let since = entries.lastIndex { $0.evidence == .renewed }.map { $0 + 1 } ?? 0
        return Set(entries[since...].filter { $0.evidence == .failing }.map(\.channel)).count >= Self.failingChannelsMin
    }

    func isEmpty(at now: ContinuousClock.Instant) -> Bool {
        entries.allSatisfy { $0.at.duration(to: now) > Self.lasts }
    }
}

/// What of an app's state bears on the end of one of its channels' attempts.
package struct AppCircumstances: Sendable {
    /// The app was refused to this channel, and works for another: the refusal is the channel's own.
    var isCleared: Bool
    /// How long the app has not been well; its channels' failures are not counted meanwhile.
    ///
    /// Nil: it is well.
    var troubledFor: Duration?
    /// Denials flag nobody before then, in database time.
    var heldUntil: Date?

    package init(isCleared: Bool = false, troubledFor: Duration? = nil, heldUntil: Date? = nil) {
        self.isCleared = isCleared
        self.troubledFor = troubledFor
        self.heldUntil = heldUntil
    }
}

extension FailedEnd {
    /// Nil when the end says nothing of the app, or is judged by another rule.
    func evidence(of claim: Claim) -> AppWindow.Evidence? {
        switch self {
        case .notSent, .unknown: return .failing
        case .deadWithoutCall, .unreadable, .appMissing: return nil
        case .answer(let answer):
            switch answer.answerClass {
            case .client: return nil
            // What is tried once more on a grant that is known to be dead is no news, and the end of a doubt is the
            // loss of an answer of ours.
            case .reauth where answer.isNamed: return claim.isParked || claim.doubt ? nil : .denied
            case .request where answer.reason == Self.notBuildable: return nil
            case .rateLimited, .tooEarly: return .other
            case .suspended where answer.isNamed: return .other
            case .reauth, .suspended, .request, .transient, .unknown: return .failing
            }
        }
    }
}
