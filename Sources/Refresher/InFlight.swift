import Domain
import Synchronization

/// Refreshes that run in this process, so that many callers for one channel share one (DESIGN §3.3 `…/token`).
final class InFlight: Sendable {
    private let waiters = Mutex<[ChannelID: [CheckedContinuation<RefreshReport, Never>]]>([:])

    /// - Parameter waiter: of the caller that began it, resumed with its report.
    func begin(_ channel: ChannelID, waiter: CheckedContinuation<RefreshReport, Never>? = nil) {
        waiters.withLock { waiters in
            waiters[channel, default: []] += waiter.map { [$0] } ?? []
        }
    }

    func end(_ report: RefreshReport) {
        let waiting = waiters.withLock { $0.removeValue(forKey: report.channelID) } ?? []
        for continuation in waiting { continuation.resume(returning: report) }
    }

    /// The report of the refresh that runs now; nil when none does.
    func join(_ channel: ChannelID) async -> RefreshReport? {
        guard waiters.withLock({ $0[channel] != nil }) else { return nil }
        return await withCheckedContinuation { (continuation: CheckedContinuation<RefreshReport, Never>) in
            let isRunning = waiters.withLock { waiters in
                guard waiters[channel] != nil else { return false }
                waiters[channel]?.append(continuation)
                return true
            }
            if !isRunning {
                continuation.resume(
                    returning: RefreshReport(
                        channelID: channel, outcome: .superseded, reason: "ended", message: "It has just ended."))
            }
        }
    }
}
