import Foundation
import Sandbox
import TestSupport
import Testing

/// Walks docs/documents.md and calls what it names.
@Suite(.timeLimit(.minutes(3))) struct DocumentsTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    @Test func `everything the documents name is where the page says`() async throws {
        let page = try String(contentsOfFile: Self.root + "/docs/documents.md", encoding: .utf8)
        let settings = try String(contentsOfFile: Self.root + "/docs/configuration.md", encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| S") }
        #expect(rows.count > 60)
        try await World.with { world in
            try await world.migrate()
            var facebook = world.channel("facebook-ads", .facebookAds)
            facebook.userId = "u1"
            try await world.importChannels([facebook, world.channel("amocrm", .amocrm), world.channel("shop")])
            try await world.serve { program, client in
                let document = try await client.get("/openapi.json")
                for row in rows {
                    // What stands in the documents' own column is theirs.
                    let cells = row.split(separator: "|", omittingEmptySubsequences: false).dropFirst(3)
                    let names = cells.joined(separator: "|").matches(of: /`([^`]+)`/).map { String($0.output.1) }
                    for name in names {
                        if let match = name.wholeMatch(of: /(GET|POST|PUT|PATCH|DELETE) (\/\S*)/) {
                            try await call(String(match.output.1), String(match.output.2), client, document)
                        } else if name.hasPrefix("tokenward ") {
                            try await runHelp(name, world)
                        } else if name.wholeMatch(of: /[A-Z][A-Z0-9]*(_[A-Z0-9]+)+/) != nil {
                            #expect(settings.contains("`\(name)`"), "\(name) is no setting: \(row)")
                        } else if name.wholeMatch(of: /[a-z]+\.[a-z_]+/) != nil {
                            #expect(try sources(contain: "\"\(name)\""), "no event `\(name)`: \(row)")
                        } else if name.wholeMatch(of: /[a-zA-Z]+/) != nil {
                            #expect(document.body.contains("\"\(name)\""), "no field `\(name)`: \(row)")
                        }
                    }
                }
                #expect(!program.text.contains("request.failed"), "\(program.text)")
            }
        }
    }

    private func call(_ method: String, _ path: String, _ client: Client, _ document: Reply) async throws {
        #expect(document.json["paths"]?[path]?[method.lowercased()] != nil, "\(method) \(path) is not described")
        let filled = path.replacing("{userId}", with: "u1").replacing("{id}", with: "shop")
        // Calling it is enough: what is done to a channel is tested elsewhere.
        let body = method == "PUT" ? #"{"accessToken":"x"}"# : ""
        guard method != "DELETE" else { return }
        let reply = try await client.send(method, filled, body)
        #expect(reply.status < 500 && ![404, 405].contains(reply.status), "\(method) \(path): \(reply)")
    }

    private func runHelp(_ line: String, _ world: World) async throws {
        let words = line.split(separator: " ").dropFirst().map(String.init)
        let ending = try await Program.run(words + ["--help"], settings: world.settings, input: "")
        #expect(ending.status == 0, "\(line): \(ending)")
        for flag in words where flag.hasPrefix("--") {
            #expect("\(ending)".contains(flag), "\(line) has no \(flag)")
        }
    }

    private func sources(contain text: String) throws -> Bool {
        let folder = Self.root + "/Sources"
        guard let files = FileManager.default.enumerator(atPath: folder) else { return false }
        for case let file as String in files where file.hasSuffix(".swift") {
            if try String(contentsOfFile: folder + "/" + file, encoding: .utf8).contains(text) { return true }
        }
        return false
    }
}
