import Domain
import FoundationEssentials
import Sandbox
import Subprocess
import TestSupport
import Testing

/// The programs of docs/clients.md, taken from the page and run against the service.
@Suite("docs/clients.md")
struct ClientPageTests {
    struct Walk: Sendable, CustomTestStringConvertible {
        /// The fence of its block on the page.
        var language: String
        var file: String
        var program: String
        var testDescription: String { language }
    }

    static let walks = [
        Walk(language: "sh", file: "token.sh", program: "sh"),
        // Without a type annotation the program is JavaScript too, which every Node reads.
        Walk(language: "ts", file: "token.mjs", program: "node"),
        Walk(language: "python", file: "token.py", program: "python3"),
    ]

    @Test(arguments: walks)
    func `a program of the page takes a token, and says so when a human is needed`(walk: Walk) async throws {
        try await World.with { world in
            let script = "\(world.directory)/\(walk.file)"
            try Data(try Self.block(walk.language).utf8).write(to: URL(filePath: script))
            try await world.migrate()
            try await world.importChannels([
                world.channel("shop", lifetime: .seconds(900)), world.dueChannel("dead"),
            ])
            world.provider.revoke(provider: .youtube, account: "dead")
            try await world.serve { _, client in
                func run(_ channel: String) async throws -> Ending {
                    let result = try await Subprocess.run(
                        .name(walk.program), arguments: [script, channel],
                        environment: .inherit.updating([
                            "TOKENWARD_URL": "http://\(client.address)", "TOKENWARD_TOKEN": World.adminToken,
                        ]), output: .string(limit: 65_536), error: .string(limit: 65_536))
                    var status: Int32?
                    if case .exited(let code) = result.terminationStatus { status = code }
                    return Ending(status: status, output: result.standardOutput, errors: result.standardError)
                }
                let taken = try await run("shop")
                #expect(taken.status == 0 && taken.output.contains("epoch"), "\(taken)")
                let token = try #require(world.provider.grant(provider: .youtube, account: "shop")?.newest)
                #expect(!taken.text.contains(token.access.reveal()), "\(taken)")
                try await eventually(within: .seconds(60), "the dead channel answers 409 with a link") {
                    let reply = try await client.get("/v1/channels/dead/token")
                    return reply.status == 409 && reply.json["link"]?.text != nil
                }
                let dead = try await run("dead")
                #expect(dead.status == 3 && dead.errors.contains("/reauthorize/"), "\(dead)")
                let unknown = try await run("nobody")
                #expect(unknown.status == 1 && !unknown.errors.isEmpty, "\(unknown)")
            }
        }
    }

    /// The first block of a language.
    static func block(_ language: String) throws -> String {
        let path = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/docs/clients.md"
        let page = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
        let parts = page.split(separator: "```\(language)\n", maxSplits: 1, omittingEmptySubsequences: false)
        return String(try #require(parts.last?.split(separator: "\n```", maxSplits: 1).first)) + "\n"
    }
}
