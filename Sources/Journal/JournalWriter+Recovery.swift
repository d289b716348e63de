import Domain
import FoundationEssentials
import POSIX
import Sealing

extension JournalWriter {
    /// Answers and claims of ended processes, gathered over their segments.
    private struct Gathered {
        /// Answers without a DONE behind them.
        ///
        /// One before them settled an earlier copy, as when an entry went to the
        /// quarantine and came back.
        var open: [ClaimKey: EntryIndex.Place] = [:]
        var answersPerSegment: [UInt64: Int] = [:]
        /// Claims, and the keys of all answers and DONEs; a note may stand behind the answer it came before.
        var claims: Set<ClaimKey> = []
        var ended: Set<ClaimKey> = []
    }

    /// Reads the segments before `firstNumber` and returns what is open in them.
    func recover(before firstNumber: UInt64, ring: KeyRing) -> Result<JournalRecovery, JournalError> {
        var gathered = Gathered()
        do throws(SystemCallError) {
            for number in try SegmentName.numbers(in: directory.path) where number < firstNumber {
                scan(number, into: &gathered)
            }
        } catch {
            return .failure(.failed("The journal cannot be read: \(error.description)"))
        }
        enter(gathered)
        isRecovered = true
        prepareFirst()
        var recovery = JournalRecovery(quarantined: report.sentences)
        open(gathered, ring: ring, into: &recovery)
        retryQuarantined(ring: ring, into: &recovery)
        recovery.answers.sort { $0.key.attempt > $1.key.attempt }
        recovery.claims = gathered.claims.subtracting(gathered.ended).sorted { $0.attempt > $1.attempt }
        commit([])
        return .success(recovery)
    }

    private func scan(_ number: UInt64, into gathered: inout Gathered) {
        let path = SegmentName.path(number, in: directory.path)
        let bytes: [UInt8]
        let modified: Date
        do throws(SystemCallError) {
            let file = try OpenFile(path, .reading)
            bytes = try file.read(try file.size(), at: 0)
            modified = Date(timeIntervalSince1970: try file.modificationTime())
        } catch {
            report.sentences.append("A segment cannot be read and is kept: \(error.description)")
            return
        }
        let scan = SegmentScan(bytes)
        report.segments += 1
        report.records += scan.records.count
        report.badHeaders += scan.badHeaders
        report.badBodies += scan.badBodies
        guard !scan.isOfUnknownFormat else {
            report.sentences.append("The segment \(path) is of a later version and is kept: start that version.")
            return
        }
        if !scan.hasSegmentHeader {
            report.sentences.append("The header of the segment \(path) is damaged; its records were read all the same.")
        }
        if scan.damagesInside > 0 {
            report.sentences.append(
                "The segment \(path) has \(scan.damagesInside) damaged places between its records; what was there is "
                    + "lost: check the disk.")
        }
        index.add(segment: number, bytes: bytes.count, at: modified)
        index.noteRecords(scan.records.count, in: number, at: modified)
        for record in scan.records {
            let body = bytes[record.body]
            switch record.type {
            case .answer, .exchange:
                guard let key = try? AnswerRecord.key(body) else { continue }
                gathered.answersPerSegment[number, default: 0] += 1
                gathered.ended.insert(key)
                gathered.open[key] = EntryIndex.Place(
                    segment: number, offset: record.offset, totalBytes: record.totalBytes)
            case .claim: gathered.claims.formUnion((try? KeyList.keys(body)) ?? [])
            case .done:
                for key in (try? KeyList.keys(body)) ?? [] {
                    gathered.ended.insert(key)
                    gathered.open[key] = nil
                }
            case nil: continue
            }
        }
    }

    /// Fills the index, by which segments are kept or removed.
    private func enter(_ gathered: Gathered) {
        let open = gathered.open.values.reduce(into: [:]) { $0[$1.segment, default: 0] += 1 }
        for (segment, count) in gathered.answersPerSegment {
            index.addSettledAnswers(count - (open[segment] ?? 0), in: segment)
        }
        for (key, place) in gathered.open { index.addAnswer(key, at: place) }
    }

    /// Opens what is not settled; what does not open is set aside.
    private func open(_ gathered: Gathered, ring: KeyRing, into recovery: inout JournalRecovery) {
        for (key, place) in gathered.open {
            do throws(SystemCallError) {
                guard let record = try record(at: place) else {
                    recovery.quarantined.append("An answer of channel \(key.channelID) is damaged.")
                    continue
                }
                switch Self.open(record, ring: ring) {
                case .success(let answer): recovery.add(answer)
                case .failure(let fault):
                    let sentence = Self.sentence(fault, key: key)
                    recovery.quarantined.append(sentence)
                    setAside(key, at: place, kind: fault.kind, sentence: sentence)
                }
            } catch {
                recovery.quarantined.append(
                    "An answer of channel \(key.channelID) cannot be read and is tried again at the next start: "
                        + error.description)
            }
        }
    }

    /// Entries whose key was missing when they were met: if the ring has it now, they are open again.
    private func retryQuarantined(ring: KeyRing, into recovery: inout JournalRecovery) {
        for name in quarantine.names() where name.hasSuffix("." + QuarantineFolder.Kind.unknownKey.rawValue) {
            guard let bytes = try? quarantine.read(name) else { continue }
            let scan = SegmentScan([UInt8](repeating: 0, count: RecordLayout.segmentHeaderBytes) + bytes)
            guard let found = scan.records.first, let type = found.type,
                type == .answer || type == .exchange
            else { continue }
            let start = found.body.lowerBound - RecordLayout.segmentHeaderBytes
            let record = Record(
                type, flags: Record.Flags(rawValue: bytes[17]),
                body: Array(bytes[start..<(start + found.body.count)]))
            guard case .success(let answer) = Self.open(record, ring: ring) else { continue }
            do throws(SystemCallError) {
                // A kill between the two steps below left it in both places.
                if index.open[answer.key] == nil {
                    try append([(answer.key, record)])
                    recovery.add(answer)
                }
                try quarantine.remove(name)
                quarantined = quarantine.names().count
            } catch {
                giveUpActive()
            }
        }
    }

    /// Moves an open entry into the quarantine folder; it stays open when the disk does not take it.
    private func setAside(_ key: ClaimKey, at place: EntryIndex.Place, kind: QuarantineFolder.Kind, sentence: String) {
        do throws(SystemCallError) {
            try quarantine.add(
                try bytes(at: place), attempt: key.attempt, kind: kind, sentence: sentence, faults: faults)
            quarantined = quarantine.names().count
            heldNotes.append(claims: [], done: [key])
        } catch {
            report.sentences.append("An entry cannot be set aside and stays open: \(error.description)")
        }
    }

    /// Sets an open entry aside that the rest of the program cannot store.
    func quarantine(_ key: ClaimKey, because sentence: String) {
        guard let place = index.open[key] else { return }
        setAside(key, at: place, kind: .refused, sentence: sentence)
        commit([])
    }

    private static func open(_ record: Record, ring: KeyRing) -> Result<JournalAnswer, AnswerFault> {
        guard let entry = try? AnswerRecord(record.body[...]) else { return .failure(.doesNotDecode) }
        do throws(AnswerFault) {
            return .success(try entry.open(with: ring))
        } catch {
            return .failure(error)
        }
    }

    private static func sentence(_ fault: AnswerFault, key: ClaimKey) -> String {
        let what =
            key.authorizationID.map { "The answer of authorization \($0)" }
            ?? "The answer of channel \(key.channelID), attempt \(key.attempt),"
        return switch fault {
        case .unknownKey(let kid):
            "\(what) is sealed with the key `\(kid)`, which the ring lacks: add the key and start again."
        case .doesNotOpen: "\(what) does not open: it was damaged, or the key of its id is another one."
        case .doesNotDecode: "\(what) opens but cannot be understood: it was written by another version."
        }
    }
}

extension AnswerFault {
    fileprivate var kind: QuarantineFolder.Kind {
        switch self {
        case .unknownKey: .unknownKey
        case .doesNotOpen, .doesNotDecode: .unreadable
        }
    }
}

extension JournalRecovery {
    fileprivate mutating func add(_ answer: JournalAnswer) {
        if answer.key.authorizationID == nil { answers.append(answer) } else { exchanges.append(answer) }
    }
}
