import Foundation

/// The files of this repository, found from this file's place.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The code of every Swift file of Sources and Tests, without comments and the contents of strings, by path.
    static let code: [String: String] = {
        let paths = files(below: "Sources", ending: ".swift") + files(below: "Tests", ending: ".swift")
        return Dictionary(uniqueKeysWithValues: paths.map { ($0, SwiftText.code(of: (try? text($0)) ?? "")) })
    }()

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    /// Paths from the root of the files below a folder whose names end so, sorted.
    static func files(below folder: String, ending: String) -> [String] {
        let names = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
        let all = names?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(ending) }.map { "\(folder)/\($0)" }.sorted()
    }

    /// The names at the top but for what git ignores.
    static func topLevel() throws -> [String] {
        let ignored = try text(".gitignore").split(separator: "\n").map { $0.hasSuffix("/") ? $0.dropLast() : $0 }
        return try FileManager.default.contentsOfDirectory(atPath: root.path).filter { name in
            name != ".git"
                && !ignored.contains { pattern in
                    guard let star = pattern.firstIndex(of: "*") else { return pattern == name }
                    return name.hasPrefix(pattern[..<star]) && name.hasSuffix(pattern[pattern.index(after: star)...])
                }
        }.sorted()
    }
}
