package import POSIX

/// Why the embedded cluster cannot be had.
package enum EmbeddedPostgresError: Error, Sendable, CustomStringConvertible {
    /// None of the places searched has `initdb`, `pg_ctl` and `postgres`.
    case programsMissing
    /// The cluster was made by this major version, whose programs are not installed.
    case versionMissing(major: Int, directory: String)
    /// Another `serve` has the directory; its process id when it could be read.
    case owned(directory: String, process: Int?)
    /// Root runs this program and the system has neither of the users the server could run as.
    case userMissing
    /// The cluster's files belong to another user than this one.
    case foreignFiles(directory: String)
    case directory(SystemCallError)
    /// `initdb` or the first statements failed.
    case creation(String)
    /// The server did not come up.
    case start(String)
    /// Another command has been starting or stopping the server for too long.
    case busy(directory: String)
    /// The short link to the socket is something else.
    case socketLink(path: String)

    package var description: String {
        switch self {
        case .programsMissing:
            """
            DATABASE_URL is not set and PostgreSQL's programs (initdb, pg_ctl, postgres) are not installed: \
            set DATABASE_URL or run apt-get install postgresql.
            """
        case .versionMissing(let major, let directory):
            """
            The cluster in \(directory) was made by PostgreSQL \(major), whose programs are not installed: \
            run apt-get install postgresql-\(major), or set DATABASE_URL.
            """
        case .owned(let directory, let process):
            """
            Another tokenward serve\(process.map { " (process \($0))" } ?? "") uses \(directory): \
            stop it, or give this one another TOKENWARD_DATA_DIR or a DATABASE_URL.
            """
        case .userMissing:
            """
            PostgreSQL refuses to run as root and there is no user postgres or nobody to run it: \
            create the user postgres, or set DATABASE_URL.
            """
        case .foreignFiles(let directory):
            "The cluster in \(directory) belongs to another user: run this as that user or as root."
        case .directory(let error):
            "The data directory cannot be used, \(error)"
        case .creation(let reason):
            "The embedded PostgreSQL cluster could not be created: \(reason)."
        case .start(let reason):
            "The embedded PostgreSQL server did not start: \(reason)."
        case .busy(let directory):
            """
            Another command has been starting or stopping the database in \(directory) for over a minute: \
            wait for it, or end it.
            """
        case .socketLink(let path):
            "\(path) should be a link to the database's socket but is something else: remove it."
        }
    }
}
