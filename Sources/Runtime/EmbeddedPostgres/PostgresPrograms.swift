import FoundationEssentials

/// A directory with PostgreSQL's server programs.
struct PostgresPrograms: Sendable, Equatable {
    let directory: String
    /// Nil when the path does not tell; then only the program knows.
    let major: Int?

    var initdb: String { directory + "/initdb" }
    var control: String { directory + "/pg_ctl" }
    var server: String { directory + "/postgres" }

    /// Where Debian puts each major version's programs.
    static let debianRoot = "/usr/lib/postgresql"

    /// All installed versions, newest first: Debian's, then those on `PATH`.
    static func installed(debianRoot: String = debianRoot, path: String) -> [PostgresPrograms] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: debianRoot)) ?? []
        let debian = names.compactMap(Int.init).sorted(by: >).map {
            PostgresPrograms(directory: "\(debianRoot)/\($0)/bin", major: $0)
        }
        let onPath = path.split(separator: ":").filter { $0.hasPrefix("/") }.map {
            PostgresPrograms(directory: String($0), major: nil)
        }
        return (debian + onPath).filter(\.isComplete)
    }

    private var isComplete: Bool {
        [initdb, control, server].allSatisfy(FileManager.default.isExecutableFile)
    }

    /// The major version that `postgres (PostgreSQL) 15.20 …` or `PG_VERSION` tells.
    static func major(in text: String) -> Int? {
        text.split(whereSeparator: \.isWhitespace).lazy
            .compactMap { word in Int(word.prefix { $0.isASCII && $0.isNumber }) }.first
    }
}
