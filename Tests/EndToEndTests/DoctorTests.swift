import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite("tokenward doctor", .serialized)
struct DoctorTests {
    private func lines(_ ending: Ending, _ level: String, _ family: String) -> [Substring] {
        ending.output.split(separator: "\n").filter { line in
            let words = line.split(separator: " ")
            return words.count > 2 && words[0] == level && words[1] == family
        }
    }

    @Test func `a served installation is well, and every family has its line`() async throws {
        try await World.with { world in
            try await world.serve { _, _ in
                let ending = try await world.run("doctor", within: .seconds(60))
                #expect(ending.status == 0, "\(ending)")
                for family in [
                    "database", "schema", "clock", "keys", "integrity", "apps", "destinations", "catalogue", "disk",
                    "journal", "network",
                ] {
                    #expect(!lines(ending, "ok", family).isEmpty, "\(family) in \(ending)")
                }
                #expect(!ending.text.contains("secret") && !ending.text.contains(World.adminToken), "\(ending)")
            }
        }
    }

    @Test func `what is wrong is told with what to do, as JSON too, and the status is 1`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.channel("shop")])
            let ending = try await world.run(
                "doctor", "--json",
                settings: [
                    "TOKENWARD_APP_YOUTUBE_CLIENT_ID": "", "TOKENWARD_APP_YOUTUBE_CLIENT_SECRET": "",
                    "HTTPS_PROXY": "http://127.0.0.1:1",
                ], within: .seconds(60))
            #expect(ending.status == 1, "\(ending)")
            let report = try JSONDecoder().decode(Report.self, from: Data(ending.output.utf8))
            #expect(!report.healthy)
            let apps = try #require(report.findings.first { $0.family == "apps" }, "\(ending)")
            #expect(apps.level == "failed" && apps.message.contains("youtube"), "\(ending)")
            #expect(apps.advice?.contains("TOKENWARD_APP_YOUTUBE_CLIENT_ID") == true, "\(ending)")
            #expect(
                report.findings.contains { $0.family == "network" && $0.message.contains("HTTPS_PROXY") }, "\(ending)")
        }
    }

    @Test func `a row that was put back is found`() async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.channel("shop")])
            try await world.database.pool.withConnection { connection in
                _ = try await connection.query(
                    "INSERT INTO audit (channel_id, attempt, outcome, actor) SELECT channel_id, attempt + 1, 'renewed', 'x' FROM schedule"
                )
            }
            let ending = try await world.run("doctor", within: .seconds(60))
            #expect(ending.status == 1 && !lines(ending, "failed", "integrity").isEmpty, "\(ending)")
            #expect(try await world.count("event WHERE kind = 'security'") == 1)
        }
    }

    @Test func `another ring, an old schema and a missing database are each one failed line`() async throws {
        try await World.with { world in
            let old = try await world.run("doctor", within: .seconds(60))
            #expect(old.status == 1 && lines(old, "failed", "schema").count == 1, "\(old)")
            #expect(old.output.contains("tokenward migrate"), "\(old)")
            try await world.migrate()
            try await world.importChannels([world.channel("shop")])
            let keys = "k2:" + Data(repeating: 7, count: 32).base64EncodedString()
            let locked = try await world.run("doctor", settings: ["TOKENWARD_KEYS": keys], within: .seconds(60))
            #expect(locked.status == 1 && lines(locked, "failed", "keys").count == 1, "\(locked)")
            let gone = try await world.run(
                "doctor", settings: ["DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"], within: .seconds(60))
            #expect(gone.status == 1 && lines(gone, "failed", "database").count == 1, "\(gone)")
            #expect(!lines(gone, "ok", "disk").isEmpty, "\(gone)")
        }
    }

    @Test func `nothing is made where nothing is yet`() async throws {
        let directory = "/tmp/tokenward-e2e-\(UUID().uuidString.prefix(8).lowercased())"
        let ending = try await Program.run(["doctor"], settings: ["TOKENWARD_DATA_DIR": directory])
        #expect(ending.status == 0 && lines(ending, "warning", "database").count == 1, "\(ending)")
        #expect(!FileManager.default.fileExists(atPath: directory), "\(ending)")
    }

    private struct Report: Decodable {
        struct Finding: Decodable {
            var family: String
            var level: String
            var message: String
            var advice: String?
        }
        var healthy: Bool
        var findings: [Finding]
    }
}
