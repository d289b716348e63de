import Foundation
import Runtime
import Testing

@Suite("The documentation")
struct PageTests {
    @Test func `the configuration page has the tables of the code`() throws {
        try Repository.expectGenerated(ConfigurationPage.tables(), as: "settings", in: "docs/configuration.md")
    }

    @Test func `every name on the configuration page is a setting`() throws {
        let page = try Repository.text("docs/configuration.md")
        let names = page.matches(of: /`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`/).map { String($0.1) }
        #expect(names.count >= SettingsTable.rows.count)
        let notSettings: Set = ["KUBERNETES_SERVICE_HOST", "XDG_STATE_HOME"]
        for name in Set(names).subtracting(notSettings) {
            let base =
                name.hasSuffix("_FILE") && SettingsTable.row(named: name) == nil ? String(name.dropLast(5)) : name
            #expect(SettingsTable.row(named: base) != nil, "\(name) is no setting")
        }
    }

    @Test func `links lead to files and headings that exist`() throws {
        let top = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].filter(Repository.exists)
        for path in Repository.files(below: "docs", ending: ".md") + top {
            let text = try Repository.text(path)
            for link in prose(of: text).matches(of: /\]\(([^)\s]+)\)/).map({ String($0.1) }) {
                if link.contains("://") || link.hasPrefix("mailto:") { continue }
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let folder = URL(fileURLWithPath: "/" + path).deletingLastPathComponent()
                let target =
                    parts[0].isEmpty
                    ? path : String(folder.appendingPathComponent(parts[0]).standardized.path.dropFirst())
                #expect(Repository.exists(target), "\(path) links to \(link), which is not there")
                if parts.count == 2, target.hasSuffix(".md"), Repository.exists(target) {
                    let anchors = anchors(of: try Repository.text(target))
                    #expect(anchors.contains(parts[1]), "\(path) links to \(link), a heading that is not there")
                }
            }
        }
    }

    /// The text without fenced code.
    private func prose(of text: String) -> String {
        text.components(separatedBy: "\n```").enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
            .joined(separator: "\n")
    }

    /// The anchors that the headings get where the pages are read.
    private func anchors(of text: String) -> Set<String> {
        let headings = prose(of: text).split(separator: "\n").filter { $0.hasPrefix("#") }
        return Set(
            headings.map { heading in
                let title = heading.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
                return String(
                    title.filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
                        .map { $0 == " " ? "-" : $0 })
            })
    }
}
