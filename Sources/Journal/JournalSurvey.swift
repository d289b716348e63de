package import FoundationEssentials
import POSIX

/// A journal's directory as one sees it from outside, without its lock.
package struct JournalSurvey: Sendable, Equatable {
    package var path: String
    /// Nil when the directory was never used, or its identity cannot be read.
    package var id: UUID?
    package var segments: Int
    /// Entries set aside until an operator decides.
    package var quarantined: Int

    package init(path: String, id: UUID?, segments: Int, quarantined: Int) {
        self.path = path
        self.id = id
        self.segments = segments
        self.quarantined = quarantined
    }

    /// The journals under `root`, sorted by name; none where there is no such directory or it cannot be read.
    package static func of(_ root: String) -> [JournalSurvey] {
        let names = (try? Directory.names(in: root)) ?? []
        return names.filter { $0.hasPrefix("journal-") }.map { name in
            let path = "\(root)/\(name)"
            let identity = try? OpenFile(path + "/identity", .reading).read(36, at: 0)
            return JournalSurvey(
                path: path, id: identity.flatMap { UUID(uuidString: String(decoding: $0, as: UTF8.self)) },
                segments: (try? SegmentName.numbers(in: path).count) ?? 0,
                quarantined: QuarantineFolder(journal: path).names().count)
        }
    }
}
