import FoundationEssentials
import Yams

/// One YAML file of providers, read and bounded but not yet understood.
package struct CatalogueFile: Sendable {
    /// Limits of a file: bytes, and nodes after aliases are expanded.
    static let bytesMax = 1 << 20
    static let nodesMax = 100_000

    package let name: String
    package let text: String

    package init(name: String, text: String) {
        self.name = name
        self.text = text
    }

    init(name: String, bytes: [UInt8]) throws(CatalogueError) {
        guard bytes.count <= Self.bytesMax else {
            throw CatalogueError(file: name, line: nil, sentence: "The file is larger than 1 MiB; split it.")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CatalogueError(file: name, line: nil, sentence: "The file is not UTF-8 text; save it as UTF-8.")
        }
        self.init(name: name, text: text)
    }

    /// The files at a path: the file itself, or every `.yaml` and `.yml` of a directory in order of name.
    package static func files(at path: String) throws(CatalogueError) -> [CatalogueFile] {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw CatalogueError(file: path, line: nil, sentence: "There is no such file or directory.")
        }
        guard isDirectory else { return [try file(at: path)] }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw CatalogueError(file: path, line: nil, sentence: "The directory cannot be read.")
        }
        var files: [CatalogueFile] = []
        for name in names.sorted() where name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
            files.append(try file(at: path + "/" + name))
        }
        guard !files.isEmpty else {
            throw CatalogueError(file: path, line: nil, sentence: "The directory holds no .yaml file.")
        }
        return files
    }

    private static func file(at path: String) throws(CatalogueError) -> CatalogueFile {
        let attributes = try? FileManager.default.attributesOfItem(
            atPath: URL(filePath: path).resolvingSymlinksInPath().path)
        guard attributes?[.type] as? FileAttributeType == .typeRegular, let size = attributes?[.size] as? UInt64 else {
            throw CatalogueError(file: path, line: nil, sentence: "This is not a regular file.")
        }
        guard size <= UInt64(bytesMax) else {
            throw CatalogueError(file: path, line: nil, sentence: "The file is larger than 1 MiB; split it.")
        }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw CatalogueError(file: path, line: nil, sentence: "The file cannot be read.")
        }
        return try CatalogueFile(name: path, bytes: Array(bytes))
    }

    /// The file's value tree.
    func root() throws(CatalogueError) -> CatalogueNode {
        guard text.utf8.count <= Self.bytesMax else {
            throw CatalogueError(file: name, line: nil, sentence: "The file is larger than 1 MiB; split it.")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text, .basic, .default)
        } catch let error as YamlError {
            throw refusal(of: error)
        } catch {
            throw CatalogueError(file: name, line: nil, sentence: "The file is not YAML.")
        }
        guard let root else { throw CatalogueError(file: name, line: 1, sentence: "The file is empty.") }
        var budget = Self.nodesMax
        return try node(root, depth: 0, budget: &budget)
    }

    private func refusal(of error: YamlError) -> CatalogueError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            CatalogueError(
                file: name, line: mark.line, sentence: "This is not YAML: \(problem)\(Self.advice(on: problem)).")
        case .duplicatedKeysInMapping(let duplicates, let context):
            CatalogueError(
                file: name, line: context.mark.line,
                sentence: "The field “\((duplicates.first ?? "").prefix(60))” stands there twice.")
        case .reader(let problem, _, _, _):
            CatalogueError(file: name, line: nil, sentence: "This is not YAML: \(problem).")
        default:
            CatalogueError(file: name, line: nil, sentence: "The file is not YAML.")
        }
    }

    /// What people usually did when libyaml says this.
    private static func advice(on problem: String) -> String {
        if problem.contains("cannot start any token") { return "; indent with spaces, not tabs" }
        if problem.contains("expected ','") { return "; put values that hold { } [ ] or , in quotes" }
        if problem.contains("mapping values are not allowed") {
            return "; put a value that holds “: ” in quotes, and indent fields of one mapping alike"
        }
        if problem.contains("expected key") || problem.contains("block end") || problem.contains("expected '-'") {
            return "; indent what belongs together alike"
        }
        return problem.contains("expected <document start>") ? "; one file holds one document" : ""
    }

    private func node(_ node: Node, depth: Int, budget: inout Int) throws(CatalogueError) -> CatalogueNode {
        let line = node.mark?.line ?? 1
        budget -= 1
        guard budget >= 0, depth <= 32 else {
            throw CatalogueError(file: name, line: line, sentence: "The file is nested too deeply or too large.")
        }
        let content: CatalogueNode.Content
        switch node {
        case .scalar(let scalar):
            content = .scalar(scalar.string, isPlain: scalar.style == .plain)
        case .sequence(let items):
            var list: [CatalogueNode] = []
            for item in items { list.append(try self.node(item, depth: depth + 1, budget: &budget)) }
            content = .list(list)
        case .mapping(let pairs):
            var fields: [CatalogueNode.Field] = []
            for (key, value) in pairs {
                let keyLine = key.mark?.line ?? line
                guard case .scalar(let scalar) = key else {
                    throw CatalogueError(file: name, line: keyLine, sentence: "A field's name must be a text.")
                }
                let value = try self.node(value, depth: depth + 1, budget: &budget)
                fields.append(CatalogueNode.Field(name: scalar.string, line: keyLine, value: value))
            }
            content = .map(fields)
        case .alias:
            throw CatalogueError(file: name, line: line, sentence: "YAML aliases are not used here; write it out.")
        }
        return CatalogueNode(content: content, file: name, line: line)
    }
}
