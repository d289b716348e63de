import Testing

@Suite("The table of modules")
struct ModuleTests {
    /// What the toolchain brings; full Foundation is refused, its formatters are slow and its size is not worth it.
    private static let ofToolchain: Set = ["Dispatch", "FoundationEssentials", "Glibc", "Synchronization"]

    @Test func `every import is declared and every declared module is imported`() throws {
        let table = try ModuleTable()
        try #require(table.rows.count > 10)
        for row in table.rows {
            let declared = Set(row.uses + row.products)
            var imported: Set<String> = []
            for path in Repository.files(below: "Sources/\(row.name)", ending: ".swift") {
                for name in imports(in: try #require(Repository.code[path])) where !Self.ofToolchain.contains(name) {
                    imported.insert(name)
                    #expect(declared.contains(name), "\(path) imports \(name), which Package.swift does not give it")
                }
            }
            #expect(
                declared.subtracting(imported).isEmpty,
                "\(row.name) does not import \(declared.subtracting(imported).sorted()): take it out of Package.swift")
        }
    }

    @Test func `arrows point to inner rings only`() throws {
        let table = try ModuleTable()
        var ring = Dictionary(uniqueKeysWithValues: table.systemLibraries.map { ($0, 0) })
        for row in table.rows {
            let number: Int = try #require(ModuleTable.rings.firstIndex(of: row.ring), "\(row.ring) is no ring")
            ring[row.name] = number
        }
        for row in table.rows {
            for used in row.uses {
                let inner = try #require(ring[used], "\(row.name) uses \(used), which is no module")
                #expect(inner < ring[row.name] ?? 0, "\(row.name) may not use \(used)")
            }
        }
    }

    @Test func `every module has a row and a folder`() throws {
        let table = try ModuleTable()
        let folders = Set(
            Repository.files(below: "Sources", ending: ".swift").map { $0.split(separator: "/")[1] }.map(String.init))
        #expect(folders == Set(table.rows.map(\.name)))
    }

    @Test func `the architecture page shows the same table`() throws {
        try Repository.expectGenerated(ModuleTable().page, as: "modules", in: "docs/architecture.md")
    }

    private func imports(in code: String) -> [String] {
        code.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard let keyword = words.firstIndex(of: "import"), words[..<keyword].allSatisfy(isModifier),
                let name = words[(keyword + 1)...].first(where: { !Self.kinds.contains(String($0)) })
            else { return nil }
            return String(name.prefix { $0 != "." })
        }
    }

    private static let kinds: Set = ["struct", "class", "enum", "func"]

    private func isModifier(_ word: Substring) -> Bool {
        word.hasPrefix("@") || ["package", "internal", "public", "private", "fileprivate"].contains(word)
    }
}
