import Domain
import FoundationEssentials
import Glibc
import Postgres
import Sandbox
import TestSupport
import Testing

/// The service as a process: its start, its stop, what it shares with others.
struct ServeTests {
    @Test func `the service renews a channel that is due and ends on SIGTERM`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.dueChannel("shop")])
            try await world.serve { program, client in
                try await eventually("the channel is renewed", evidence: { program.text }) {
                    world.provider.grant(provider: .youtube, account: "shop")?.renewals ?? 0 > 0
                }
                try await eventually("the renewal is stored", evidence: { program.text }) {
                    try await client.get("/v1/channels/shop").json["lastOutcome"] == .string("renewed")
                }
                let before = ContinuousClock.now
                program.terminate()
                let ending = try await program.end(within: .seconds(10))
                #expect(ending.status == 0, "\(ending)")
                #expect(ContinuousClock.now - before < .seconds(10))
            }
        }
    }

    @Test func `a stop lets the refresh in flight end and stores it`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.dueChannel("crm", .amocrm)])
            world.provider.inject(.slow(.seconds(2)), on: .provider(.amocrm), times: nil)
            try await world.serve { program, _ in
                try await eventually("the refresh is in flight", evidence: { program.text }) {
                    world.provider.grant(provider: .amocrm, account: "crm")?.inFlight ?? 0 > 0
                }
                program.terminate()
                #expect(try await program.end(within: .seconds(10)).status == 0)
            }
            let shown = try Value(parsing: try await world.run("channels", "show", "crm").output)
            #expect(shown["lastOutcome"] == .string("renewed") && shown["epoch"] == .number(2), "\(shown)")
            let newest = try #require(world.provider.grant(provider: .amocrm, account: "crm")?.newest.access)
            #expect(try await world.run("channels", "token", "crm").output == newest.reveal() + "\n")
            #expect(world.provider.snapshot().reuses == 0)
        }
    }

    @Test func `a port in use ends the start`() async throws {
        try await World.with { world in
            try await world.serve { _, client in
                let second = try await world.run(
                    "serve", "--listen", client.address, settings: ["TOKENWARD_DATA_DIR": world.directory + "/second"])
                #expect(second.status == 1 && second.errors.contains("is in use"), "\(second)")
                #expect(second.errors.contains("choose another port"), "\(second)")
                #expect(try await client.get("/healthz").status == 200)
            }
        }
    }

    @Test func `a service whose database is away says so, lives on and comes back ready`() async throws {
        try await World.with { world in
            try await world.withRole { url in
                try await world.serve(settings: ["DATABASE_URL": url]) { program, client in
                    try await eventually("/readyz says ok") { try await client.get("/readyz").status == 200 }
                    try await world.lockOut(true)
                    try await eventually(within: .seconds(15), "/readyz says that the database is away") {
                        try await client.get("/readyz").status == 503
                    }
                    #expect(try await client.get("/healthz").status == 200)
                    let refused = try await client.get("/v1/channels")
                    expectProblem(refused, "database-unavailable", status: 503)
                    #expect(refused.headers["retry-after"] != nil, "\(refused)")
                    try await world.lockOut(false)
                    try await eventually(within: .seconds(15), "/readyz says ok again", evidence: { program.text }) {
                        try await client.get("/readyz").status == 200
                    }
                    #expect(try await client.get("/v1/channels").status == 200)
                }
            }
        }
    }

    @Test func `an embedded database is one service's own and commands join it`() async throws {
        let parent = "/tmp/tokenward-e2e-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(
            atPath: parent, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let directory = parent + "/data"
        defer {
            // Of a service that had to be killed.
            let pid = try? String(contentsOfFile: directory + "/postgres/postmaster.pid", encoding: .utf8)
            if let process = pid?.split(separator: "\n").first.flatMap({ Int32($0) }) { _ = kill(process, SIGKILL) }
            try? FileManager.default.removeItem(atPath: parent)
        }
        let settings = ["TOKENWARD_DATA_DIR": directory, "TOKENWARD_LISTEN": "127.0.0.1:0"]
        try await Program.start(["serve"], settings: settings) { program in
            let address = try await program.address(within: .seconds(40))
            let token = try String(contentsOfFile: directory + "/admin-token", encoding: .utf8).split(separator: "\n")
            let client = Client(address: address, token: token.first.map(String.init))
            #expect(try await client.get("/v1/channels").status == 200)
            #expect(!program.text.contains(token.first ?? "-"), "the admin token is told")
            for name in ["admin-token", "keys"] {
                let facts = try FileManager.default.attributesOfItem(atPath: directory + "/" + name)
                #expect(facts[.posixPermissions] as? Int == 0o600, "\(name)")
            }
            let second = try await Program.run(["serve"], settings: settings)
            #expect(second.status == 1 && second.errors.contains("Another tokenward serve"), "\(second)")
            #expect(second.errors.contains("another TOKENWARD_DATA_DIR or a DATABASE_URL"), "\(second)")
            expectOneSentence(second)
            let added = try await Program.run(
                ["channels", "add", "--provider", "youtube", "--id", "shop"], settings: settings,
                input: #"{"accessToken":"a","refreshToken":"b","accessExpiresAt":"2100-01-01T00:00:00Z"}"#)
            #expect(added.status == 0, "\(added)")
            #expect(try await client.get("/v1/channels/shop").status == 200)
            let list = try await Program.run(["channels", "list"], settings: settings)
            #expect(list.status == 0 && list.output.contains("shop"), "\(list)")
            program.terminate()
            let ending = try await program.end(within: .seconds(10))
            #expect(ending.status == 0, "\(ending)")
            #expect(!FileManager.default.fileExists(atPath: directory + "/postgres/postmaster.pid"))
        }
    }
}

extension World {
    /// Runs `body` with the URI of a database user of this world alone, named as the schema.
    func withRole(_ body: (String) async throws -> Void) async throws {
        let role = database.schema
        try await administer(["CREATE ROLE \(role) LOGIN", "GRANT ALL ON SCHEMA \(role) TO \(role)"])
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(World.url(of: database).replacing("//postgres@", with: "//\(role)@")))
        } catch {
            outcome = .failure(error)
        }
        try await administer(["DROP OWNED BY \(role)", "DROP ROLE \(role)"])
        try outcome.get()
    }

    /// Takes the database away from the world's own user, or gives it back.
    func lockOut(_ isOut: Bool) async throws {
        let role = database.schema
        try await administer([
            "ALTER ROLE \(role) \(isOut ? "NOLOGIN" : "LOGIN")",
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '\(role)'",
        ])
    }

    private func administer(_ statements: [String]) async throws {
        try await database.pool.withConnection { connection in
            for statement in statements { _ = try await connection.query(statement) }
        }
    }
}
