import Domain
import Synchronization

/// Refreshes that run in this process, so that many callers for one channel share one (DESIGN §3.3 `…/token`).
///
/// Holds one entry for each claim that is not committed yet.
final class InFlight: Sendable {
    /// The report of one attempt, once it is committed.
    typealias Ticket = Promise<RefreshReport>

    private struct State {
        var tickets: [ClaimKey: Ticket] = [:]
        var newest: [ChannelID: Int64] = [:]
    }

    private let state = Mutex(State())

    func begin(_ key: ClaimKey) -> Ticket {
        state.withLock { state in
            let ticket = Ticket()
            state.tickets[key] = ticket
            state.newest[key.channelID] = max(state.newest[key.channelID] ?? 0, key.attempt)
            return ticket
        }
    }

    func end(_ key: ClaimKey, with report: RefreshReport) {
        let ticket = state.withLock { state in
            if state.newest[key.channelID] == key.attempt { state.newest[key.channelID] = nil }
            return state.tickets.removeValue(forKey: key)
        }
        ticket?.fulfil(report)
    }

    /// The refresh of a channel that runs here now.
    func ticket(of channel: ChannelID) -> Ticket? {
        state.withLock { state in
            state.newest[channel].flatMap { state.tickets[ClaimKey(channelID: channel, attempt: $0)] }
        }
    }

    var count: Int { state.withLock { $0.tickets.count } }
}
