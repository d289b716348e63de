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

    /// Whether another segment should be prepared.
    var needsSpare: Bool {
        if active == nil && spares.isEmpty { return true }
        guard spares.count < max(1, configuration.sparesMax) else { return false }
        return spares.isEmpty || capacity - core.slotsPromised() <= configuration.slotsPerSegment / 2
    }

    /// What is done between groups: a step of preparing a segment, removing old ones, trying a failed disk again.
    func keepHouse() {
        if isTroubled, ContinuousClock.now < nextProbe { return sweep() }
        do throws(SystemCallError) {
            if preparation == nil, failure != nil || needsSpare { try beginPreparation() }
            if let preparation, let segment = try preparation.step() { add(segment) }
        } catch {
            notePreparationFailure(error)
        }
        sweep()
        publish()
    }

    var isTroubled: Bool { failure != nil || preparationFailure != nil }

    /// Makes sure that there is a segment to write to, without waiting for the next pass.
    func prepareFirst() {
        guard active == nil, spares.isEmpty else { return }
        do throws(SystemCallError) {
            try finishPreparation()
        } catch {
            notePreparationFailure(error)
        }
        publish()
    }

    private func finishPreparation() throws(SystemCallError) {
        if preparation == nil { try beginPreparation() }
        guard let preparation else { return }
        do throws(SystemCallError) {
            add(try preparation.finish())
        } catch {
            self.preparation = nil
            throw error
        }
    }

    private func beginPreparation() throws(SystemCallError) {
        defer { nextNumber += 1 }
        preparation = try SegmentPreparation(
            number: nextNumber, directory: directory, bytes: configuration.segmentBytes, created: now(), faults: faults)
    }

    /// A new segment on the disk is proof that the disk is well.
    private func add(_ segment: SegmentFile) {
        preparation = nil
        failure = nil
        preparationFailure = nil
        spares.append(segment)
        index.add(segment: segment.number, bytes: segment.bytes, at: now())
    }

    private func notePreparationFailure(_ error: SystemCallError) {
        preparation = nil
        preparationFailure = "The journal cannot be extended: \(error.description)"
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
                let room = configuration.slots(in: (active?.bytesFree ?? 0) - bytes)
                guard failure == nil, room + spares.count * configuration.slotsPerSegment > core.slotsPromised() else {
                    return false
                }
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
