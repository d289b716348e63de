import FoundationEssentials

/// The text of every setting that is set, after flags, environment and file were laid over each other.
struct SettingsSource {
    /// Where a value came from, as a person would look for it.
    enum Origin: Sendable, Equatable {
        case flag
        case environment
        case file(String)

        var phrase: String {
            switch self {
            case .flag: "on the command line"
            case .environment: "in the environment"
            case .file(let path): "in \(path)"
            }
        }
    }

    private(set) var values: [String: String] = [:]
    private(set) var origins: [String: Origin] = [:]
    private(set) var problems: [String] = []

    /// The most of a `_FILE` that is read; a key ring of 500 keys fits.
    static let secretFileBytesMax = 65_536

    /// Lays the file under the environment under the flags; an empty text counts as not set.
    init(environment: [String: String], file: String?, flags: [String: String]) {
        if let file {
            switch SettingsFile.read(file) {
            case .success(let entries):
                for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
                    add(name: name(ofFileKey: key), spelled: key, value, .file(file), onlyOurs: false)
                }
            case .failure(let error):
                problems += error.problems
            }
        }
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
            add(name: name, spelled: name, value, .environment, onlyOurs: true)
        }
        for (name, value) in flags.sorted(by: { $0.key < $1.key }) {
            add(name: name, spelled: name, value, .flag, onlyOurs: false)
        }
        readSecretFiles()
    }

    private mutating func add(name: String, spelled: String, _ value: String, _ origin: Origin, onlyOurs: Bool) {
        if SettingsSource.isKnown(name) {
            let text = value.trimmingWhitespace()
            guard !text.isEmpty else { return }
            forgetTwin(of: name, unlessFrom: origin)
            values[name] = text
            origins[name] = origin
        } else if !onlyOurs || name.hasPrefix(SettingsTable.prefix) {
            if SettingsSource.isServiceLink(name) {
                problems.append(
                    "\(spelled) \(origin.phrase) is no setting but Kubernetes' link to a Service: "
                        + "set enableServiceLinks: false in the pod's spec.")
                return
            }
            let near = SettingsTable.nearest(to: name).map { suggestion in
                if case .file = origin {
                    "write \(SettingRow.fileKey(of: suggestion)) if you mean that"
                } else {
                    "write \(suggestion) if you mean that"
                }
            }
            problems.append(
                "\(spelled) \(origin.phrase) is not a setting: \(near ?? "remove it, docs/configuration.md lists them all")."
            )
        }
    }

    /// A secret given one way in a stronger source hides the same secret given the other way in a weaker one.
    private mutating func forgetTwin(of name: String, unlessFrom origin: Origin) {
        let twin = name.hasSuffix("_FILE") ? String(name.dropLast(5)) : name + "_FILE"
        guard SettingsSource.isKnown(twin), SettingsSource.isSecretFile(name) || SettingsSource.isSecretFile(twin),
            let other = origins[twin], other != origin
        else { return }
        values[twin] = nil
        origins[twin] = nil
    }

    private mutating func readSecretFiles() {
        for (name, path) in values.sorted(by: { $0.key < $1.key }) where SettingsSource.isSecretFile(name) {
            let secret = String(name.dropLast(5))
            values[name] = nil
            if values[secret] != nil {
                problems.append("\(secret) and \(name) are both set: remove one of them.")
                continue
            }
            guard let data = FileManager.default.contents(atPath: path), let text = String(bytes: data, encoding: .utf8)
            else {
                problems.append(
                    "\(name) names \(path), which cannot be read as text: check the path and its permissions.")
                continue
            }
            guard data.count <= SettingsSource.secretFileBytesMax else {
                problems.append("\(name) names \(path), which is larger than 64 KiB: it should hold the secret alone.")
                continue
            }
            let trimmed = text.trimmingWhitespace()
            guard !trimmed.isEmpty else {
                problems.append("\(name) names \(path), which is empty: write the secret into it.")
                continue
            }
            values[secret] = trimmed
            origins[secret] = origins[name]
        }
    }

    private func name(ofFileKey key: String) -> String {
        let upper = key.uppercased()
        // A key in another form, `TOKENWARD_POLL` or `Poll`, stays as it is and so is unknown, with a hint.
        guard key == key.lowercased(), !upper.hasPrefix(SettingsTable.prefix) else { return "file:" + upper }
        return SettingsSource.isKnown(upper) ? upper : SettingsTable.prefix + upper
    }

    /// Whether Kubernetes made the name for a Service that is called `tokenward…`.
    private static func isServiceLink(_ name: String) -> Bool {
        name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.hasSuffix("_PORT")
            || ["_TCP", "_TCP_PROTO", "_TCP_PORT", "_TCP_ADDR"].contains {
                name.contains("_PORT_") && name.hasSuffix($0)
            }
    }

    static func isKnown(_ name: String) -> Bool {
        SettingsTable.row(named: name) != nil || isSecretFile(name)
    }

    /// Whether this is the `_FILE` twin of a secret's name.
    static func isSecretFile(_ name: String) -> Bool {
        guard name.hasSuffix("_FILE"), SettingsTable.row(named: name) == nil else { return false }
        return SettingsTable.row(named: String(name.dropLast(5)))?.isSecret ?? false
    }
}

extension StringProtocol {
    /// Without spaces, tabs and line ends at both ends.
    func trimmingWhitespace() -> String {
        var rest = self[...]
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}
