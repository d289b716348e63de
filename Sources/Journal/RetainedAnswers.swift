import Domain
import POSIX
import Sealing

/// Reads answers out of segments, the newest first; blocks on the disk.
struct RetainedAnswers {
    /// Newest first.
    let segments: [UInt64]
    let directory: String
    let ring: KeyRing

    func newest(_ countMax: Int) -> [JournalAnswer] {
        var answers: [JournalAnswer] = []
        var seen: Set<ClaimKey> = []
        for number in segments where answers.count < countMax {
            // A segment may have been removed in the meantime.
            guard let file = try? OpenFile(SegmentName.path(number, in: directory), .reading),
                let bytes = try? file.read(file.size(), at: 0)
            else { continue }
            for record in SegmentScan(bytes).records.reversed() where record.type == .answer {
                guard answers.count < countMax else { break }
                guard let entry = try? AnswerRecord(bytes[record.body]), seen.insert(entry.key).inserted,
                    let answer = try? entry.open(with: ring)
                else { continue }
                answers.append(answer)
            }
        }
        return answers
    }
}
