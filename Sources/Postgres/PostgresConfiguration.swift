/// How to reach a database and how long to wait for it.
///
/// Printing it shows neither the URI nor the password.
package struct PostgresConfiguration: Sendable {
    /// A libpq connection URI or keyword string; several hosts are tried in turn.
    package var uri: String
    /// Most connections a pool opens; 1…1000.
    package var size: Int
    /// Limit of one connection attempt, for each host; a `connect_timeout` in the URI wins.
    package var connectTimeout: Duration
    /// Limit of one statement, from sending it to its last row.
    package var statementTimeout: Duration
    /// Limit of a COMMIT.
    ///
    /// When it has passed the session is closed: server timeouts do not bound a COMMIT that waits for a standby.
    package var commitTimeout: Duration
    /// How long the server may take to act on a cancelled statement before the session is closed.
    package var cancelGrace: Duration
    /// How long a caller waits for a free connection of the pool.
    package var acquireTimeout: Duration
    /// Idle connections of a pool are closed after this.
    package var idleTimeout: Duration
    /// The server ends a session that sits in an open transaction for this long.
    package var idleInTransactionTimeout: Duration
    /// Most callers that wait for a connection; one more is refused at once.
    package var waitersMax: Int
    /// The only schema in `search_path`; nil leaves the server's default.
    package var schema: String?
    /// What `pg_stat_activity` shows.
    package var applicationName: String
    /// False sends no named statements and no startup options, for pgbouncer in transaction mode; `schema` must be nil
    /// then (set the role's `search_path` instead).
    package var prepared: Bool

    package init(
        uri: String, size: Int = 8, connectTimeout: Duration = .seconds(5), statementTimeout: Duration = .seconds(30),
        commitTimeout: Duration = .seconds(30), cancelGrace: Duration = .seconds(3),
        acquireTimeout: Duration = .seconds(10),
        idleTimeout: Duration = .seconds(300), idleInTransactionTimeout: Duration = .seconds(60),
        waitersMax: Int = 1024, schema: String? = nil, applicationName: String = "tokenward", prepared: Bool = true
    ) {
        self.uri = uri
        self.size = size
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.commitTimeout = commitTimeout
        self.cancelGrace = cancelGrace
        self.acquireTimeout = acquireTimeout
        self.idleTimeout = idleTimeout
        self.idleInTransactionTimeout = idleInTransactionTimeout
        self.waitersMax = waitersMax
        self.schema = schema
        self.applicationName = applicationName
        self.prepared = prepared
    }

    /// Checks the URI and the limits without connecting.
    ///
    /// - Throws: ``PostgresError/configuration(_:)``.
    package func validate() throws(PostgresError) {
        _ = try ConnectionKeywords(self)
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomReflectable {
    package var description: String { "PostgresConfiguration(\(applicationName), at most \(size) connections)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
