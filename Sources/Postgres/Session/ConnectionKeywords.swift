import CLibpq
import Glibc

/// libpq's keywords and values for one configuration: the URI's own, defaults where it is silent, and ours.
struct ConnectionKeywords {
    private(set) var values: [(keyword: String, value: String)]

    /// - Throws: ``PostgresError/configuration(_:)`` with a sentence that shows no part of the URI.
    init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        var values = try Self.parse(configuration.uri)
        guard (1...1000).contains(configuration.size) else {
            throw .configuration("the number of connections must be between 1 and 1000.")
        }
        guard configuration.prepared || configuration.schema == nil else {
            throw .configuration("a schema cannot be chosen without prepared statements; set the role's search_path.")
        }
        let defaults = [
            "keepalives_idle": "20", "keepalives_interval": "5", "keepalives_count": "3",
            "tcp_user_timeout": "20000",
            // Kerberos encryption is asked for by name only: the probe for a ticket costs time on each connect.
            "gssencmode": "disable",
            "application_name": configuration.applicationName,
        ]
        for (keyword, value) in defaults where values[keyword] == nil { values[keyword] = value }
        let hosts = [values["host"], values["hostaddr"]].compactMap { $0 }
        if values["target_session_attrs"] == nil, hosts.contains(where: { $0.contains(",") }) {
            values["target_session_attrs"] = "read-write"
        }
        values["client_encoding"] = "UTF8"
        if configuration.prepared {
            values["options"] = Self.options(configuration, after: values["options"])
        }
        self.values = values.map { ($0.key, $0.value) }
    }

    var password: String? { self["password"] }

    /// The URI's own limit, which `PQconnectPoll` leaves to its caller; 0 means none given, as for libpq.
    var connectTimeout: Duration? {
        self["connect_timeout"].flatMap { Int64($0) }.flatMap { $0 > 0 ? .seconds($0) : nil }
    }

    /// The same for each host of a list: `PQconnectPoll` leaves the limit per host to its caller, and can only be
    /// given one host to keep to it.
    var perHost: [ConnectionKeywords] {
        func parts(_ keyword: String) -> [String]? {
            self[keyword].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        }
        let lists = ["host", "hostaddr", "port"].compactMap { keyword in parts(keyword).map { (keyword, $0) } }
        let count = lists.filter { $0.0 != "port" }.map(\.1.count).max() ?? 1
        return (0..<count).map { index in
            var one = self
            for (keyword, list) in lists {
                guard let value = list.count == 1 ? list.first : list.dropFirst(index).first else { continue }
                one.values.removeAll { $0.keyword == keyword }
                one.values.append((keyword, value))
            }
            return one
        }
    }

    private subscript(keyword: String) -> String? { values.first { $0.keyword == keyword }?.value }

    /// `PQconnectStartParams` with these; nil when memory is out.
    @unsafe func startConnection() -> OpaquePointer? {
        func copies(_ strings: [String]) -> [UnsafeMutablePointer<CChar>?] {
            unsafe strings.map { unsafe strdup($0) } + [nil]
        }
        let keywords = unsafe copies(values.map(\.keyword))
        let contents = unsafe copies(values.map(\.value))
        defer { unsafe (keywords + contents).forEach { unsafe free($0) } }
        return unsafe PQconnectStartParams(
            keywords.map { unsafe UnsafePointer($0) }, contents.map { unsafe UnsafePointer($0) }, 0)
    }

    /// Server settings that the session starts with, in the syntax of `postgres`' command line.
    private static func options(_ configuration: PostgresConfiguration, after given: String?) -> String {
        // The client cancels first; the server's limit is for clients that are gone.
        let statement = configuration.statementTimeout.milliseconds + 5000
        var settings = [
            "statement_timeout=\(statement)",
            "idle_in_transaction_session_timeout=\(configuration.idleInTransactionTimeout.milliseconds)",
            "TimeZone=UTC",
        ]
        if let schema = configuration.schema {
            let quoted =
                "\"" + schema.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
            settings.append("search_path=\(quoted)")
        }
        let arguments = settings.map { setting in
            "-c " + String(setting.flatMap { $0 == "\\" || $0.isWhitespace ? ["\\", $0] : [$0] })
        }
        return ([given].compactMap { $0 } + arguments).joined(separator: " ")
    }

    private static func parse(_ uri: String) throws(PostgresError) -> [String: String] {
        guard !uri.isEmpty else { throw .configuration("the database URI is empty.") }
        var message: UnsafeMutablePointer<CChar>?
        guard let options = unsafe PQconninfoParse(uri, &message) else {
            // The text quotes parts of the URI, maybe the password; what stands before the quotes is enough.
            let text = unsafe message.map { unsafe String(cString: $0) } ?? "out of memory"
            unsafe PQfreemem(message)
            let reason = text.split(separator: "\"", maxSplits: 1, omittingEmptySubsequences: false)[0]
            let trimmed = ServerMessage.oneLine(String(reason.drop { $0 == " " }))
            throw .configuration(
                "the database URI cannot be read (\(trimmed)…); it looks like postgresql://user:password@host:5432/name "
                    + "with %-encoded special characters.")
        }
        defer { unsafe PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                unsafe values[String(cString: keyword)] = String(cString: value)
            }
            unsafe option += 1
        }
        return values
    }
}

extension Duration {
    /// Whole milliseconds, never negative.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}
