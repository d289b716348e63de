import FoundationEssentials

/// The embedded cluster: its programs, its owner, its server.
struct ClusterCheck {
    let directory: String
    var debianRoot = PostgresPrograms.debianRoot
    let searchPath: String

    static func exists(in directory: String) -> Bool {
        Cluster(home: directory, debianRoot: PostgresPrograms.debianRoot, searchPath: "").exists
    }

    func findings() -> [Finding] {
        let cluster = Cluster(home: directory, debianRoot: debianRoot, searchPath: searchPath)
        let installed = PostgresPrograms.installed(debianRoot: debianRoot, path: searchPath)
        guard let newest = installed.first else {
            return [
                .failed(
                    .cluster, "PostgreSQL's server programs are not installed.",
                    "Install them (Debian: `apt-get install postgresql`), or set DATABASE_URL.")
            ]
        }
        guard cluster.exists else {
            return [.ok(.cluster, "The programs in \(newest.directory) can make the embedded cluster.")]
        }
        let version = FileManager.default.contents(atPath: cluster.directory + "/PG_VERSION").flatMap {
            PostgresPrograms.major(in: String(decoding: $0, as: UTF8.self))
        }
        if let version, !installed.contains(where: { $0.major == version || $0.major == nil }) {
            return [
                .failed(
                    .cluster, "The embedded cluster is of PostgreSQL \(version), whose programs are not installed.",
                    "Install PostgreSQL \(version), or move the data with pg_dump to a database of your own.")
            ]
        }
        let name = "The embedded cluster\(version.map { " (PostgreSQL \($0))" } ?? "")"
        return [
            .ok(.cluster, Postmaster.running(in: cluster.directory) == nil ? "\(name) is stopped." : "\(name) runs.")
        ]
    }
}
