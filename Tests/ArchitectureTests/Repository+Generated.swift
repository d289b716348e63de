import Foundation
import Testing

extension Repository {
    /// Expects a part of a page, between `<!-- begin NAME -->` and `<!-- end NAME -->`, to be what the code makes.
    ///
    /// With `UPDATE_PAGES=1` in the environment the part is written instead.
    static func expectGenerated(
        _ generated: String, as name: String, in path: String, at location: SourceLocation = #_sourceLocation
    ) throws {
        let page = try text(path)
        let begin = try #require(page.firstRange(of: "<!-- begin \(name) -->\n"), sourceLocation: location)
        let end = try #require(page.firstRange(of: "<!-- end \(name) -->"), sourceLocation: location)
        if ProcessInfo.processInfo.environment["UPDATE_PAGES"] == "1" {
            let updated = page[..<begin.upperBound] + generated + "\n" + page[end.lowerBound...]
            try Data(updated.utf8).write(to: root.appendingPathComponent(path))
            return
        }
        #expect(
            page[begin.upperBound..<end.lowerBound] == generated + "\n",
            "\(path) differs from the code: run make pages",
            sourceLocation: location)
    }
}
