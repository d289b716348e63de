import FoundationEssentials
import Yams

/// The YAML file of `--config`: one mapping, a setting a key, lists for values with commas.
enum SettingsFile {
    static let bytesMax = 1_048_576

    /// The keys and texts of the file at `path`; a key that stands twice and nesting are refused.
    static func read(_ path: String) -> Result<[String: String], SettingsError> {
        guard let data = FileManager.default.contents(atPath: path) else {
            return refuse("The settings file \(path) cannot be read: check the path and its permissions.")
        }
        guard data.count <= bytesMax, let text = String(bytes: data, encoding: .utf8) else {
            return refuse(
                "The settings file \(path) is not UTF-8 text of at most 1 MiB: check that it is the right file.")
        }
        return parse(text, path: path)
    }

    static func parse(_ text: String, path: String) -> Result<[String: String], SettingsError> {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            return refuse("The settings file \(path) is not YAML\(place(of: error)): mend that line.")
        } catch {
            return refuse("The settings file \(path) is not YAML: mend it.")
        }
        guard let root, root.scalar?.string != "" else { return .success([:]) }
        guard let mapping = root.mapping else {
            return refuse("The settings file \(path) is not a mapping: write lines such as `poll: 5s`.")
        }
        var entries: [String: String] = [:]
        var problems: [String] = []
        for (key, value) in mapping {
            guard let name = key.scalar?.string else {
                problems.append("The settings file \(path) has a key that is not text: write a setting's name.")
                continue
            }
            if let value = flattened(value) {
                entries[name] = value
            } else {
                problems.append("\(name) in \(path) is neither text nor a list of texts: write one value.")
            }
        }
        return problems.isEmpty ? .success(entries) : .failure(SettingsError(problems: problems))
    }

    private static func flattened(_ node: Node) -> String? {
        if let scalar = node.scalar {
            let isNull = scalar.style == .plain && ["~", "null"].contains(scalar.string)
            return isNull ? "" : scalar.string
        }
        guard let items = node.sequence else { return nil }
        let texts = items.compactMap { $0.scalar?.string }
        guard texts.count == items.count else { return nil }
        // A cron holds spaces and may hold commas, so a list that has one is joined by the separator crons allow.
        return texts.joined(separator: texts.contains { $0.contains(" ") } ? "; " : ",")
    }

    private static func place(of error: YamlError) -> String {
        switch error {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
            " at line \(mark.line)"
        case .duplicatedKeysInMapping(_, let context):
            ": a key stands twice near line \(context.mark.line)"
        default: ""
        }
    }

    private static func refuse(_ problem: String) -> Result<[String: String], SettingsError> {
        .failure(SettingsError(problems: [problem]))
    }
}
