import Crypto
import FoundationEssentials

/// The entries of all files, each a stack of layers: a file read later is laid over what was there under the name.
struct LayeredEntries: Sendable {
    static let entriesMax = 500
    static let depthMax = 8

    /// Maps that are merged one level deep; every other field replaces the inherited one.
    private static let merged: Set<String> = ["vars", "endpoints", "authorize", "policy", "limits"]

    /// One file's word on an entry.
    struct Layer: Sendable {
        let file: String
        let line: Int
        let fields: [CatalogueNode.Field]
    }

    /// An entry after inheritance, before its fields are understood.
    struct Resolved: Sendable {
        let name: String
        /// Where the entry was declared last.
        var file: String
        var line: Int
        var fields: [String: CatalogueNode]
        /// Own rules before inherited ones.
        var errors: [CatalogueNode]
        /// Endpoints the entry declares itself; the others are inherited.
        var ownEndpoints: Set<String>
    }

    private(set) var layers: [String: [Layer]] = [:]

    mutating func add(_ file: CatalogueFile) throws(CatalogueError) {
        let root = try file.root()
        let names = ["providers", "schema_version"]
        if let stray = root.fields?.first(where: { !names.contains($0.name) }),
            Spelling.nearest(to: stray.name, among: names) == nil
        {
            throw CatalogueError(
                file: file.name, line: stray.line,
                sentence: "“\(stray.name.prefix(60))” has no place here; entries stand under “providers:”.")
        }
        let top = try root.map("The file", known: Set(names))
        if let version = top["schema_version"], try version.text("schema_version") != "1" {
            throw version.refused("schema_version must be 1.")
        }
        guard let providers = top["providers"] else {
            throw root.refused("The file lacks “providers”, a mapping of names to entries.")
        }
        guard let entries = providers.fields else {
            throw providers.refused("“providers” must be a mapping of names to entries.")
        }
        for entry in entries {
            guard Self.isName(entry.name) else {
                throw CatalogueError(
                    file: file.name, line: entry.line,
                    sentence: "A provider's name is lower case letters, digits and hyphens, at most 40.")
            }
            guard let fields = entry.value.fields else {
                throw entry.value.refused("The entry “\(entry.name)” must be a mapping.")
            }
            layers[entry.name, default: []].append(Layer(file: file.name, line: entry.line, fields: fields))
            guard layers.count <= Self.entriesMax else {
                throw CatalogueError(
                    file: file.name, line: entry.line, sentence: "There are more than \(Self.entriesMax) entries.")
            }
        }
    }

    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "-"), text.utf8.count <= 40 else { return false }
        return text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    }

    /// The entry with everything it inherits.
    func resolved(_ name: String) throws(CatalogueError) -> Resolved {
        try resolve(name, path: [])
    }

    private func resolve(_ name: String, path: [String]) throws(CatalogueError) -> Resolved {
        let stack = layers[name] ?? []
        var out = Resolved(name: name, file: "", line: 1, fields: [:], errors: [], ownEndpoints: [])
        if let parent = try parent(of: stack, named: name, path: path) { out = parent }
        out = Resolved(
            name: name, file: stack.last?.file ?? "", line: stack.last?.line ?? 1, fields: out.fields,
            errors: out.errors, ownEndpoints: [])
        out.fields["hidden"] = nil
        for layer in stack {
            for field in layer.fields { try lay(field, over: &out) }
        }
        return out
    }

    private func parent(
        of stack: [Layer], named name: String, path: [String]
    ) throws(CatalogueError) -> Resolved? {
        guard
            let extends = stack.last(where: { $0.fields.contains { $0.name == "extends" } })?.fields
                .first(where: { $0.name == "extends" })?.value
        else { return nil }
        let parent = try extends.text("extends")
        guard layers[parent] != nil else {
            let nearest = Spelling.nearest(to: parent, among: layers.keys.sorted())
            let hint = nearest.map { "; did you mean “\($0)”?" } ?? "."
            throw extends.refused("“\(name)” extends “\(parent.prefix(60))”, which does not exist\(hint)")
        }
        guard parent != name, !path.contains(parent) else {
            throw extends.refused("“\(name)” extends itself by way of “\(parent)”.")
        }
        guard path.count < Self.depthMax - 1 else {
            throw extends.refused("“extends” goes deeper than \(Self.depthMax) entries.")
        }
        return try resolve(parent, path: path + [name])
    }

    private func lay(_ field: CatalogueNode.Field, over out: inout Resolved) throws(CatalogueError) {
        if field.name == "errors" {
            out.errors = try field.value.list("errors") + out.errors
            return
        }
        if field.name == "endpoints" {
            out.ownEndpoints.formUnion((field.value.fields ?? []).map(\.name))
        }
        if Self.merged.contains(field.name), let own = field.value.fields,
            let inherited = out.fields[field.name]?.fields
        {
            let names = Set(own.map(\.name))
            let content = CatalogueNode.Content.map(inherited.filter { !names.contains($0.name) } + own)
            out.fields[field.name] = CatalogueNode(content: content, file: field.value.file, line: field.value.line)
        } else {
            out.fields[field.name] = field.value
        }
    }
}

extension LayeredEntries {
    /// SHA-256 over all entries as resolved, in hex; comments and the order of files do not change it.
    func revision() throws(CatalogueError) -> String {
        var text: [UInt8] = []
        for name in layers.keys.sorted() {
            let entry = try resolved(name)
            Self.write(name, to: &text)
            for field in entry.fields.keys.sorted() where field != "examples" {
                guard let value = entry.fields[field] else { continue }
                Self.write(field, to: &text)
                Self.write(value, to: &text)
            }
            for rule in entry.errors { Self.write(rule, to: &text) }
        }
        return SHA256.hash(data: text).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }

    /// Lengths and kinds go with every value, so that no two trees are written alike.
    private static func write(_ node: CatalogueNode, to text: inout [UInt8]) {
        switch node.content {
        case .scalar(let value, let isPlain):
            text.append(UInt8(ascii: isPlain ? "p" : "q"))
            write(value, to: &text)
        case .list(let items):
            write("l\(items.count)", to: &text)
            for item in items { write(item, to: &text) }
        case .map(let fields):
            write("m\(fields.count)", to: &text)
            for field in fields {
                write(field.name, to: &text)
                write(field.value, to: &text)
            }
        }
    }

    private static func write(_ value: String, to text: inout [UInt8]) {
        text.append(contentsOf: "\(value.utf8.count):".utf8)
        text.append(contentsOf: value.utf8)
    }
}
