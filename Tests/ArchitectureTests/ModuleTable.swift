/// The table of modules in Package.swift, read as text.
struct ModuleTable {
    struct Row: Equatable {
        let name: String
        let ring: String
        let uses: [String]
        /// Names to import.
        let products: [String]
    }

    let rows: [Row]

    /// The C libraries, which stand in the innermost ring.
    let systemLibraries: [String]

    init() throws {
        let manifest = try Repository.text("Package.swift")
        let variables = manifest.matches(of: /let (\w+) = Target\.Dependency\.product\(name: "(\w+)"/)
        let products = Dictionary(uniqueKeysWithValues: variables.map { (String($0.1), String($0.2)) })
        let row =
            /Module\(\s*"(\w+)", \.(\w+)(?:,\s*uses: \[(?<uses>[^\]]*)\])?(?:,\s*products: \[(?<products>[^\]]*)\])?\)/
        rows = manifest.matches(of: row).map { match in
            let uses = match.uses.map { $0.matches(of: /"(\w+)"/).map { String($0.1) } } ?? []
            let names = match.products.map { $0.matches(of: /\w+/).map { String($0.0) } } ?? []
            return Row(
                name: String(match.1), ring: String(match.2), uses: uses, products: names.map { products[$0] ?? $0 })
        }
        systemLibraries = manifest.matches(of: /\.systemLibrary\(\s*name: "(\w+)"/).map { String($0.1) }
    }

    /// The rings' names, innermost first.
    static let rings = ["inner", "wrappers", "adapters", "services", "runtime", "command"]

    /// The table of docs/architecture.md.
    var page: String {
        let lines = rows.map { row in
            let number = ModuleTable.rings.firstIndex(of: row.ring) ?? -1
            let uses = row.uses.map { "`\($0)`" }.joined(separator: " ")
            let products = row.products.map { "`\($0)`" }.joined(separator: " ")
            return "| `\(row.name)` | \(number) | \(uses) | \(products) |"
        }
        return (["| module | ring | uses | products of others |", "|---|---|---|---|"] + lines).joined(separator: "\n")
    }
}
