/// The tables of docs/configuration.md, made from the settings table; a test compares the page with them.
package enum ConfigurationPage {
    /// One section's heading and table, without a line end after it.
    package static func table(of section: SettingsTable.Section) -> String {
        let rows = section.rows.map { row in
            let standard = row.standard.map { "`\($0)`" } ?? ""
            let secret = row.isSecret ? "yes" : ""
            return "| `\(row.name)` | \(row.kind.expectation) | \(standard) | \(secret) | \(row.meaning) |"
        }
        return (["| name | takes | default | secret | meaning |", "|---|---|---|---|---|"] + rows)
            .joined(separator: "\n")
    }

    /// All sections, in order.
    package static func tables() -> String {
        SettingsTable.sections.map { "### \($0.title)\n\n\(table(of: $0))" }.joined(separator: "\n\n")
    }
}
