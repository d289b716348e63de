import FoundationEssentials
import Postgres
import TestSupport
import Testing

/// The life of a sealing key, as operators walk it.
struct KeysTests {
    private static let second = "k2:" + Data((33...64).map { UInt8($0) }).base64EncodedString()

    @Test func `a new key first, everything sealed with it, the old one kept while journals may need it`() async throws
    {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([world.channel("shop"), world.channel("other")])
            let both = world.settings(with: ["TOKENWARD_KEYS": "\(Self.second),\(World.keys)"])
            let database = try await world.database.connect()
            // A replica that lacks the new key could open nothing of what it seals.
            try await world.serve { program, _ in
                try await eventually("the replica is known", evidence: { program.text }) {
                    try await database.query("SELECT 1 AS one FROM replica").rows.count == 1
                }
                let refused = try await Program.run(["keys", "rotate"], settings: both)
                #expect(refused.status == 1, "\(refused)")
                #expect(refused.errors.contains("1 running replicas lack the key `k2`"), "\(refused)")
            }
            try await database.query("UPDATE replica SET seen_at = now() - interval '3 minutes'")
            await database.close()
            let rotated = try await Program.run(["keys", "rotate"], settings: both)
            #expect(rotated.status == 0, "\(rotated)")
            #expect(rotated.output.contains("2 channels and 3 destinations are sealed with k2 now."), "\(rotated)")
            let status = try Value(parsing: try await Program.run(["keys", "status", "--json"], settings: both).output)
            let old = status["items"]?.items.first { $0["kid"] == .string("k1") }
            let new = status["items"]?.items.first { $0["kid"] == .string("k2") }
            #expect(old?["channels"] == .number(0) && new?["channels"] == .number(2), "\(status)")
            #expect(new?["seals"] == .bool(true))
            let retired = try await Program.run(["keys", "retire", "k1"], settings: both)
            #expect(retired.status == 1 && retired.errors.contains("Journals may hold answers sealed with it until"))

            let served = world.settings(with: ["TOKENWARD_KEYS": "\(Self.second),\(World.keys)"])["TOKENWARD_KEYS"]
            try await world.serve(settings: ["TOKENWARD_KEYS": served ?? ""]) { program, client in
                let token = try await client.get("/v1/channels/shop/token")
                #expect(token.status == 200, "\(token) \(program.text)")
                let keys = try await client.get("/v1/keys")
                #expect(keys.json["items"]?.items.count == 2, "\(keys)")
                let tenants = try await client.get("/v1/tenants")
                #expect(tenants.json["items"]?[0]?["channels"]?["total"] == .number(2), "\(tenants)")
            }
        }
    }

    @Test func `a generated ring gets a new first key while no service runs`() async throws {
        try await World.with(["TOKENWARD_KEYS": ""]) { world in
            try await world.migrate()
            try await world.importChannels([world.channel("shop")])
            let path = world.directory + "/data/keys"
            let before = try String(contentsOfFile: path, encoding: .utf8)
            let rotated = try await world.run("keys", "rotate", "--new")
            #expect(rotated.status == 0 && rotated.output.contains("1 channels"), "\(rotated)")
            let after = try String(contentsOfFile: path, encoding: .utf8)
            #expect(after.hasSuffix(before) && after.count > before.count)
            #expect(!rotated.text.contains(String(after.dropFirst(10).prefix(20))), "the key is printed")
            let shown = try await world.run("channels", "token", "shop", "--json")
            #expect(shown.status == 0, "\(shown)")
            #expect(try Value(parsing: shown.output)["accessToken"] != nil, "\(shown)")
        }
        try await World.with { world in
            try await world.migrate()
            let refused = try await world.run("keys", "rotate", "--new")
            #expect(refused.status == 2 && refused.errors.contains("The ring stands in TOKENWARD_KEYS"), "\(refused)")
        }
    }
}
