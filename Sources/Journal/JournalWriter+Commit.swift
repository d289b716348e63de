import Domain
import POSIX

extension JournalWriter {
    /// Writes the notes that wait and these answers: one write and one sync for as many as fit into a segment.
    func commit(_ answers: [PendingAnswer]) {
        var rest = answers[...]
        while let first = rest.first {
            guard first.record.totalBytes <= configuration.segmentBytes - RecordLayout.segmentHeaderBytes else {
                settle([rest.removeFirst()], .failure(.full))
                continue
            }
            if failure != nil {
                settle(Array(rest), .failure(.failed(failure ?? "")))
                return
            }
            do throws(SystemCallError) {
                if let active, active.bytesFree < first.record.totalBytes { retire(active) }
                _ = try activeSegment()
            } catch {
                fail(with: error)
                continue
            }
            let group = group(of: rest)
            rest = rest.dropFirst(group.count)
            settle(group, store(group))
        }
        writeNotes()
        publish()
    }

    /// As many of the answers as fit into the active segment; at least the first does.
    private func group(of answers: ArraySlice<PendingAnswer>) -> [PendingAnswer] {
        var bytes = active?.bytesFree ?? 0
        return Array(
            answers.prefix { answer in
                bytes -= answer.record.totalBytes
                return bytes >= 0
            })
    }

    /// Answers the waiters, after everyone can see what was done.
    private func settle(_ answers: [PendingAnswer], _ result: Result<Void, JournalError>) {
        publish(written: answers.count)
        for answer in answers { answer.waiter.resume(returning: result) }
    }

    /// Writes and syncs answers; a second time, in a fresh segment, if the first fails.
    private func store(_ answers: [PendingAnswer]) -> Result<Void, JournalError> {
        let records = answers.map { (key: Optional($0.key), record: $0.record) }
        do throws(SystemCallError) {
            do throws(SystemCallError) {
                try append(records)
            } catch {
                giveUpActive()
                // Whatever is left of the group in the old segment counts as an earlier copy.
                try append(records)
            }
            return .success(())
        } catch {
            giveUpActive()
            fail(with: error)
            return .failure(.failed(failure ?? error.description))
        }
    }

    /// Appends records to the active segment and syncs it; throws when they may not be on the disk.
    func append(_ records: [(key: ClaimKey?, record: Record)]) throws(SystemCallError) {
        var segment = try activeSegment()
        let total = records.reduce(0) { $0 + $1.record.totalBytes }
        if segment.bytesFree < total {
            retire(segment)
            segment = try activeSegment()
        }
        let start = segment.offset
        try segment.append(encode(records.map(\.record)))
        try segment.synchronize()
        unsyncedNotes = Notes()
        let now = now()
        index.noteRecords(records.count, in: segment.number, at: now)
        var offset = start
        for (key, record) in records {
            if let key {
                index.addAnswer(
                    key,
                    at: EntryIndex.Place(segment: segment.number, offset: offset, totalBytes: record.totalBytes))
            }
            offset += record.totalBytes
        }
    }

    private func encode(_ records: [Record]) -> [UInt8] {
        var writer = ByteWriter(capacity: records.reduce(0) { $0 + $1.totalBytes })
        for record in records {
            record.encode(sequence: nextSequence, into: &writer)
            nextSequence += 1
        }
        return writer.bytes
    }

    /// Writes CLAIM and DONE records without a sync, as far as no reservation loses its room.
    private func writeNotes() {
        guard !heldNotes.isEmpty, failure == nil else { return }
        let records = KeyList.records(.claim, heldNotes.claims) + KeyList.records(.done, heldNotes.done)
        let total = records.reduce(0) { $0 + $1.totalBytes }
        let promised = core.slotsPromised()
        do throws(SystemCallError) {
            if let active, active.bytesFree < total {
                // The next segment must take them and all that is promised; else they wait for it.
                let lost =
                    configuration.slots(in: active.bytesFree) + configuration.slotsPerSegment
                    - configuration.slots(in: configuration.segmentBytes - RecordLayout.segmentHeaderBytes - total)
                guard !spares.isEmpty, capacity - lost >= promised else { return }
                retire(active)
                // If the segment had to be given up instead, more notes wait now.
                return writeNotes()
            }
            guard active != nil || !spares.isEmpty else { return }
            let segment = try activeSegment()
            let lost = configuration.slots(in: segment.bytesFree) - configuration.slots(in: segment.bytesFree - total)
            guard segment.bytesFree >= total, lost == 0 || capacity - lost >= promised else { return }
            try segment.append(encode(records))
            let now = now()
            index.noteRecords(records.count, in: segment.number, at: now)
            for key in heldNotes.done { index.settle(key, at: now) }
            unsyncedNotes.append(claims: heldNotes.claims, done: heldNotes.done)
            heldNotes = Notes()
        } catch {
            // Not synced, so nobody waits for them: they are written again into the next segment.
            giveUpActive()
        }
    }

    /// Stops writing a segment because it is full.
    private func retire(_ segment: SegmentFile) {
        // The notes in it ride with the next group, whose sync is another file's.
        guard (try? segment.synchronize()) != nil else { return giveUpActive() }
        unsyncedNotes = Notes()
        active = nil
    }

    /// Never touches the active segment again: after a failed write or sync nobody knows what is in it.
    func giveUpActive() {
        guard active != nil else { return }
        active = nil
        heldNotes.append(claims: unsyncedNotes.claims, done: unsyncedNotes.done)
        unsyncedNotes = Notes()
    }

    private func fail(with error: SystemCallError) {
        failure = "The journal cannot keep answers: \(error.description)"
        nextProbe = ContinuousClock.now + configuration.probeInterval
    }
}
