import FoundationEssentials
import Glibc

/// Who the database server runs as.
enum ServerUser: Sendable, Equatable {
    /// The user of this process, who is not root.
    case current
    /// PostgreSQL refuses to run as root, so root gives the server to an unprivileged user.
    case other(user: UInt32, group: UInt32)

    /// For a cluster that does not exist yet.
    static func forNewCluster(passwd: String = "/etc/passwd") throws(EmbeddedPostgresError) -> ServerUser {
        guard geteuid() == 0 else { return .current }
        let lines = FileManager.default.contents(atPath: passwd).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let entries = lines.split(separator: "\n").map { $0.split(separator: ":", omittingEmptySubsequences: false) }
        for name in ["postgres", "nobody"] {
            if let entry = entries.first(where: { $0.count >= 4 && $0[0] == name }), let user = UInt32(entry[2]),
                let group = UInt32(entry[3]), user != 0
            {
                return .other(user: user, group: group)
            }
        }
        throw .userMissing
    }

    /// The owner of an existing cluster's files.
    static func owning(_ directory: String) throws(EmbeddedPostgresError) -> ServerUser {
        guard let facts = FileFacts(directory) else { throw .foreignFiles(directory: directory) }
        if facts.user == geteuid(), facts.user != 0 { return .current }
        guard geteuid() == 0, facts.user != 0 else { throw .foreignFiles(directory: directory) }
        return .other(user: facts.user, group: facts.group)
    }
}
