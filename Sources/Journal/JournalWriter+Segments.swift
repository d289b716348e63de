import Domain
import FoundationEssentials
import POSIX

extension JournalWriter {
    /// The segment to write to: the active one, a prepared one, or one that is made now.
    func activeSegment() throws(SystemCallError) -> SegmentFile {
        if let active { return active }
        if spares.isEmpty { try finishPreparation() }
        let segment = spares.removeFirst()
        active = segment
        return segment
    }

    /// Whether a segment should be filled: one stands ready behind the active one.
    ///
    /// After a failure one more is filled as proof that the disk is well.
    var needsSpare: Bool { spares.isEmpty || failure != nil || preparationFailure != nil }

    /// How many reservations the segments behind the active one hold without more space being set aside.
    var comfort: Int {
        let segments = spares.count + allocated.count
        guard segments < configuration.sparesMax else { return .max }
        let slots = segments * configuration.slotsPerSegment
        return slots < configuration.reservationsReady ? 0 : max(1, slots - configuration.slotsPerSegment / 2)
    }

    var needsSpace: Bool { core.slotsPromised() >= comfort }

    var isTroubled: Bool { failure != nil || preparationFailure != nil || allocationFailure != nil }

    /// What is done between groups: a step of preparing a segment, removing old ones, trying a failed disk again.
    func keepHouse() {
        if !isTroubled || ContinuousClock.now >= nextProbe { prepareStep() }
        sweep()
        publish()
    }

    private func prepareStep() {
        if needsSpare {
            do throws(SystemCallError) {
                if allocated.isEmpty { try allocate() }
                if let segment = try allocated[0].step() { add(segment) }
            } catch {
                noteFailure(error)
            }
        }
        if needsSpace {
            do throws(SystemCallError) {
                try allocate()
            } catch {
                noteFailure(error)
            }
        }
        if !needsSpare, !needsSpace { allocationFailure = nil }
    }

    /// Makes sure that there is a segment to write to and space for the reservations that may come.
    func prepareFirst() {
        do throws(SystemCallError) {
            if active == nil, spares.isEmpty { try finishPreparation() }
            while needsSpace { try allocate() }
        } catch {
            noteFailure(error)
        }
        publish()
    }

    private func finishPreparation() throws(SystemCallError) {
        if allocated.isEmpty { try allocate() }
        do throws(SystemCallError) {
            add(try allocated[0].finish())
        } catch {
            noteFailure(error)
            throw error
        }
    }

    private func allocate() throws(SystemCallError) {
        allocated.append(
            try SegmentPreparation(
                number: nextNumber, directory: directory, bytes: configuration.segmentBytes, created: now(),
                faults: faults))
        nextNumber += 1
        allocationFailure = nil
    }

    /// A new segment on the disk is proof that the disk is well.
    private func add(_ segment: SegmentFile) {
        allocated.removeFirst()
        failure = nil
        preparationFailure = nil
        spares.append(segment)
        index.add(segment: segment.number, bytes: segment.bytes, at: now())
    }

    private func noteFailure(_ error: SystemCallError) {
        let sentence = "The journal cannot be extended: \(error.description)"
        if let first = allocated.first, first.hasFailed {
            allocated.removeFirst()
            preparationFailure = sentence
        } else if preparationFailure == nil {
            allocationFailure = sentence
        }
        if failure != nil { failure = "The journal cannot keep answers: \(error.description)" }
        nextProbe = ContinuousClock.now + configuration.probeInterval
    }

    /// Removes segments whose retention has passed; open entries move to the active segment first.
    func sweep() {
        guard isRecovered else { return }
        while true {
            let inUse = Set(spares.map(\.number) + [active?.number].compactMap(\.self))
            switch index.sweep(
                inUse: inUse, retention: configuration.retention, retentionBytes: configuration.retentionBytes,
                now: now())
            {
            case .nothing: return
            case .remove(let numbers):
                for number in numbers {
                    // A file that cannot be removed is met again at the next start.
                    try? Directory.removeFile(SegmentName.path(number, in: directory.path))
                    index.remove(segment: number)
                }
            case .carry(let number):
                guard carry(number) else { return }
            }
        }
    }

    /// Moves one segment's open entries to the active one; false when there is no room or the disk fails.
    private func carry(_ number: UInt64) -> Bool {
        do throws(SystemCallError) {
            let entries = index.openEntries(of: number)
            for start in stride(from: 0, to: entries.count, by: Self.carriedAtOnceMax) {
                let part = entries[start..<min(start + Self.carriedAtOnceMax, entries.count)]
                let bytes = part.reduce(0) { $0 + $1.place.totalBytes }
                let free = active?.bytesFree ?? 0
                let lost = configuration.slots(in: free) - configuration.slots(in: free - bytes)
                guard failure == nil, capacity - lost > core.slotsPromised() else { return false }
                var records: [(key: ClaimKey?, record: Record)] = []
                for (key, place) in part {
                    guard let record = try record(at: place) else {
                        // Damaged since it was written; there is nothing to carry.
                        index.settle(key, at: now())
                        continue
                    }
                    records.append((key, record))
                }
                if !records.isEmpty { try append(records) }
            }
            return true
        } catch {
            giveUpActive()
            return false
        }
    }

    /// So few that even the longest fit into one segment.
    private static let carriedAtOnceMax = 32

    /// The record at a place, if it is intact.
    func record(at place: EntryIndex.Place) throws(SystemCallError) -> Record? {
        let bytes = try bytes(at: place)
        let scan = SegmentScan([UInt8](repeating: 0, count: RecordLayout.segmentHeaderBytes) + bytes)
        guard let found = scan.records.first, let type = found.type, bytes.count > 17 else { return nil }
        let start = found.body.lowerBound - RecordLayout.segmentHeaderBytes
        return Record(
            type, flags: Record.Flags(rawValue: bytes[17]), body: Array(bytes[start..<(start + found.body.count)]))
    }

    /// The bytes of a record as they are on the disk.
    func bytes(at place: EntryIndex.Place) throws(SystemCallError) -> [UInt8] {
        let file = try OpenFile(SegmentName.path(place.segment, in: directory.path), .reading)
        return try file.read(place.totalBytes, at: place.offset)
    }
}
