import Domain
import FoundationEssentials
import Synchronization

/// Slows down for whole providers: those that ask for less, and those that do not answer.
///
/// One channel's limit is not the provider's, so that a long pause needs several refusals in a row. A provider that asked
/// for less or is silent is tried with a few channels at a time until it answers again.
final class Pacing: Sendable {
    /// How an attempt met the provider.
    enum Contact: Sendable {
        /// Nothing was tried.
        case none
        /// No answer: not reached, lost, or a server's own fault.
        case silent
        case limited(retryAfter: Duration?)
        case answered
    }

    static let pauseMax: Duration = .seconds(900)
    static let firstPauseMax: Duration = .seconds(30)
    /// Refusals in a row after which `Retry-After` counts for all.
    static let refusals = 3
    /// Silent attempts in a row after which the provider is left alone for a while.
    static let silences = 8
    static let silentPauseMax: Duration = .seconds(30)
    static let trialClaims = 4

    private struct Standing {
        var limited = 0
        var silent = 0
        var limitedUntil: ContinuousClock.Instant?
        var silentUntil: ContinuousClock.Instant?
    }

    private let clock: any LocalClock
    private let standings = Mutex<[String: Standing]>([:])

    init(clock: any LocalClock) {
        self.clock = clock
    }

    /// - Parameter random: uniform in 0..<1; replicas must not come back in step.
    func note(_ contact: Contact, of provider: String, random: Double) {
        let now = clock.now
        standings.withLock { standings in
            var standing = standings[provider] ?? Standing()
            switch contact {
            case .none:
                return
            case .answered:
                standing = Standing()
            case .limited(let retryAfter):
                standing.silent = 0
                standing.limited += 1
                let longest = standing.limited < Self.refusals ? Self.firstPauseMax : Self.pauseMax
                let pause = min(max(retryAfter ?? .seconds(1), .seconds(1)), longest) * (1 + random / 4)
                standing.limitedUntil = max(standing.limitedUntil ?? now, now + pause)
            case .silent:
                standing.silent += 1
                // Those that were under way together count once.
                if standing.silent >= Self.silences, standing.silentUntil.map({ $0 <= now }) ?? true {
                    let doublings = min((standing.silent - Self.silences) / Self.trialClaims, 6)
                    let pause = min(.seconds(1 << doublings), Self.silentPauseMax)
                    standing.silentUntil = now + pause * (0.75 + random / 2)
                }
            }
            standings[provider] = standing
        }
    }

    /// How many due rows may be claimed now.
    func allowance(for provider: String) -> Int {
        let now = clock.now
        return standings.withLock { standings in
            guard let standing = standings[provider] else { return .max }
            if [standing.limitedUntil, standing.silentUntil].contains(where: { $0.map { $0 > now } ?? false }) {
                return 0
            }
            return standing.silent >= Self.silences || standing.limited > 0 ? Self.trialClaims : .max
        }
    }

    /// How long the provider wants to be left alone; nil when it does not.
    func limit(of provider: String) -> Duration? {
        let now = clock.now
        return standings.withLock { standings in
            standings[provider]?.limitedUntil.flatMap { $0 > now ? now.duration(to: $0) : nil }
        }
    }
}
