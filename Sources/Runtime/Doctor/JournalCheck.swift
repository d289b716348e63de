import Domain
import FoundationEssentials
import Journal
import Store

/// Journals: what is set aside here, and who went silent with answers that are not stored yet.
enum JournalCheck {
    /// A living replica speaks every 10 s.
    static let silence: Duration = .seconds(300)

    static func findings(replicas: [Examination.Replica], root: String) -> [Finding] {
        findings(replicas: replicas, journals: JournalSurvey.of(root))
    }

    static func findings(replicas: [Examination.Replica], journals: [JournalSurvey]) -> [Finding] {
        var findings: [Finding] = []
        for replica in replicas where replica.openEntries > 0 && replica.silentFor > silence {
            let here = journals.first { $0.id == replica.journalID }
            let minutes = Int(replica.silentFor.seconds / 60)
            findings.append(
                .failed(
                    .journal,
                    "The replica \(replica.journalID.uuidString.lowercased()) has been silent for \(minutes) min with \(replica.openEntries) open entries.",
                    here.map { "Its journal is \($0.path): start `tokenward serve` here to settle it." }
                        ?? "Start it again on the volume with its journal: the newest tokens may be there alone."))
        }
        for journal in journals where journal.quarantined > 0 {
            findings.append(
                .warning(
                    .journal, "\(journal.path) has \(journal.quarantined) entries set aside.",
                    "Read the .txt files in \(journal.path)/quarantine; an entry whose key comes back is settled at the next start."
                ))
        }
        guard findings.isEmpty else { return findings }
        let alive = replicas.filter { $0.silentFor <= silence }
        let open = alive.reduce(0) { $0 + $1.openEntries }
        return [
            .ok(
                .journal,
                "\(alive.count) replicas speak, \(open) entries are open, \(journals.count) journals are here and none has entries set aside."
            )
        ]
    }
}
