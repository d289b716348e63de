package import Domain
import FoundationEssentials
import Synchronization

/// Who takes whose token how often, gathered in memory and written by the status loop: a read waits for no write.
package final class ReadCounter: Sendable {
    private struct Key: Hashable {
        var channel: ChannelID
        var caller: String
    }

    /// Pairs of caller and channel between two writes; further ones are not counted.
    static let pairsMax = 50_000

    private let reads = Mutex<[Key: TokenReads]>([:])

    package init() {}

    package func note(_ channel: ChannelID, by caller: Caller) {
        merge(TokenReads(channelID: channel, caller: caller.name, count: 1, lastAt: Date()))
    }

    /// What was counted since the last time.
    package func drain() -> [TokenReads] {
        reads.withLock { reads in
            defer { reads.removeAll(keepingCapacity: true) }
            return Array(reads.values)
        }
    }

    /// What could not be written counts again.
    package func restore(_ reads: [TokenReads]) {
        for read in reads { merge(read) }
    }

    private func merge(_ new: TokenReads) {
        reads.withLock { reads in
            let key = Key(channel: new.channelID, caller: new.caller)
            if var known = reads[key] {
                known.count += new.count
                known.lastAt = max(known.lastAt, new.lastAt)
                reads[key] = known
            } else if reads.count < Self.pairsMax {
                reads[key] = new
            }
        }
    }
}
