import Domain
import FoundationEssentials
import Testing

@testable import Providers

@Suite("docs/providers.md")
struct DocumentationTests {
    @Test func `the table of providers is what the catalogue says`() throws {
        let path = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "../../docs/providers.md").standardizedFileURL.path
        let page = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") && $0.split(separator: "|").count >= 7 }
        var told: [String: [String]] = [:]
        for row in rows {
            let cells = row.split(separator: "|").map { $0.filter { $0 != "`" }.trimmed }
            told[cells[0]] = Array(cells[1...4])
        }
        #expect(told.keys.sorted() == (try catalogue.get().names))
        for name in try catalogue.get().names {
            let entry = try entry(name)
            let request = entry.requests[.refresh].map { "\($0.method.rawValue) \($0.encoding.rawValue)" }
            #expect(told[name] == [entry.credential.rawValue, request ?? "none", Self.due(entry), Self.replay(entry)])
        }
    }

    private static func due(_ entry: ProviderEntry) -> String {
        if entry.credential == .none { return "never" }
        return entry.policy.refreshOn == .rejected ? "when rejected" : text(entry.policy.refreshBefore)
    }

    private static func replay(_ entry: ProviderEntry) -> String {
        if case .grace(let window) = entry.replayClass { return "grace \(text(window))" }
        return "\(entry.replayClass)"
    }

    private static func text(_ duration: Duration) -> String {
        let seconds = Int(duration.seconds)
        if seconds % 86_400 == 0, seconds > 86_400 { return "\(seconds / 86_400)d" }
        return seconds % 3600 == 0 ? "\(seconds / 3600)h" : "\(seconds / 60)m"
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
