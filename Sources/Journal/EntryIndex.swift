import Domain
import FoundationEssentials

/// Which entries are open and where they lie, and what each segment still holds.
struct EntryIndex {
    struct Place: Equatable {
        var segment: UInt64
        var offset: Int
        var totalBytes: Int
    }

    struct Segment {
        var bytes: Int
        /// All records; a segment without any is of no use.
        var records = 0
        /// Answers, open and settled.
        var answers = 0
        /// Answers whose place is here and that are not settled.
        var open = 0
        /// The last time a record was added or one of its entries was settled.
        var lastUsed: Date
    }

    /// What a sweep may do next.
    enum Sweep: Equatable {
        case nothing
        /// These segments are of no more use; in this order.
        case remove([UInt64])
        /// This segment's open entries keep it from being removed.
        case carry(UInt64)
    }

    private(set) var open: [ClaimKey: Place] = [:]
    private(set) var segments: [UInt64: Segment] = [:]

    var retained: Int { segments.values.reduce(0) { $0 + $1.answers } - open.count }

    mutating func add(segment: UInt64, bytes: Int, at now: Date) {
        segments[segment] = Segment(bytes: bytes, lastUsed: now)
    }

    mutating func remove(segment: UInt64) {
        segments[segment] = nil
    }

    /// Corrects the size of a file that was cut.
    mutating func setBytes(_ bytes: Int, of segment: UInt64) {
        segments[segment]?.bytes = bytes
    }

    mutating func noteRecords(_ count: Int, in segment: UInt64, at now: Date) {
        segments[segment]?.records += count
        segments[segment]?.lastUsed = now
    }

    /// An answer lies at a place; an earlier copy of it counts as settled.
    mutating func addAnswer(_ key: ClaimKey, at place: Place) {
        if let earlier = open[key] { segments[earlier.segment]?.open -= 1 }
        open[key] = place
        segments[place.segment]?.answers += 1
        segments[place.segment]?.open += 1
    }

    /// Counts answers that are settled already.
    mutating func addSettledAnswers(_ count: Int, in segment: UInt64) {
        segments[segment]?.answers += count
    }

    mutating func settle(_ key: ClaimKey, at now: Date) {
        guard let place = open.removeValue(forKey: key) else { return }
        segments[place.segment]?.open -= 1
        segments[place.segment]?.lastUsed = now
    }

    /// Open entries of one segment, in the order they lie.
    func openEntries(of segment: UInt64) -> [(key: ClaimKey, place: Place)] {
        open.filter { $0.value.segment == segment }.map { ($0.key, $0.value) }
            .sorted { $0.place.offset < $1.place.offset }
    }

    /// What is to be done with segments that are no longer written, oldest first.
    ///
    /// The order matters: an answer never outlives the record that settles it.
    ///
    /// - Parameter inUse: the segment that is written, and those that stand ready.
    func sweep(inUse: Set<UInt64>, retention: Duration, retentionBytes: Int, now: Date) -> Sweep {
        var removable: [UInt64] = []
        let closed = segments.filter { !inUse.contains($0.key) }.sorted { $0.key < $1.key }
        var bytes = closed.reduce(0) { $0 + $1.value.bytes }
        var isBlocked = false
        for (number, segment) in closed {
            if segment.records > 0 {
                let isOld = now.timeIntervalSince(segment.lastUsed) >= Double(retention.components.seconds)
                isBlocked = isBlocked || !(isOld || bytes > retentionBytes)
                guard !isBlocked else { continue }
                guard segment.open == 0 else { return removable.isEmpty ? .carry(number) : .remove(removable) }
            }
            removable.append(number)
            bytes -= segment.bytes
        }
        return removable.isEmpty ? .nothing : .remove(removable)
    }
}
