import FoundationEssentials
import Glibc
import Postgres
import Sandbox
import Subprocess
import TestSupport
import Testing

struct FaultDiskTests {
    /// The journal's first segment has 64 MiB; answers of nearly 1 MiB fill it, and a second one finds no room.
    @Test(.enabled(if: geteuid() == 0, "mounting a small disk takes root"))
    func `a full journal disk stops rotating providers only, says so and heals`() async throws {
        try await World.with { world in
            let data = world.directory + "/data"
            try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
            try await Self.command("mount", "-t", "tmpfs", "-o", "size=72m,mode=0700", "none", data)
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await Self.fill(world, data)) } catch { outcome = .failure(error) }
            try await Self.command("umount", "--lazy", data)
            try outcome.get()
        }
    }

    private static func fill(_ world: World, _ data: String) async throws {
        let database = try await world.database.connect()
        let ids = (1...90).map { "shop-\($0)" }
        world.provider.inject(.huge(bytes: 1_000_000), on: .provider(World.rotating), times: nil)
        try await world.migrate()
        try await world.importChannels(
            world.rotatingChannels(ids) + [world.channel("free", .youtube, lifetime: .seconds(4))])
        try await FaultRow.makeDue(database, ids)
        try await world.serve { program, client in
            try await eventually(within: .seconds(120), "the journal is full", evidence: { program.text }) {
                try await client.get("/readyz").body.contains("degraded")
            }
            let ready = try await client.get("/readyz")
            #expect(ready.status == 200 && ready.body.contains("journal"), "\(ready)")
            let renewed = world.provider.snapshot().grants.count {
                $0.renewals > 0 && $0.key.provider == World.rotating
            }
            #expect(renewed > 20 && renewed < ids.count)
            #expect(program.errors.contains("journal_unavailable"), "\(program.errors.suffix(2_000))")

            // What needs no journal goes on.
            let free = world.provider.grant(provider: .youtube, account: "free")?.renewals ?? 0
            try await eventually("the provider that does not rotate is renewed", evidence: { program.text }) {
                world.provider.grant(provider: .youtube, account: "free").map { $0.renewals > free + 1 } ?? false
            }
            #expect(try await client.get("/healthz").status == 200)

            try await command("mount", "-o", "remount,size=400m", data)
            // Stored and let go: a program that still reads answers of a megabyte is slow to do anything else.
            try await eventually(within: .seconds(120), "every channel is renewed", evidence: { program.text }) {
                let rows = try await FaultRow.all(database).filter { ids.contains($0.id) }
                try await FaultRow.makeDue(database, rows.filter { $0.epoch == 1 }.map(\.id))
                return rows.allSatisfy { $0.epoch > 1 && !$0.isHeld }
            }
            try await eventually("readiness is whole again", evidence: { program.text }) {
                try await client.get("/readyz").body == "ok"
            }
            world.provider.removeFaults()
            for id in [ids[0], ids[89]] { try await world.expectHome(id, client) }
            world.expectClean()
        }
        await database.close()
    }

    private static func command(_ words: String...) async throws {
        let result = try await Subprocess.run(
            .name(words[0]), arguments: Arguments(Array(words.dropFirst())), output: .discarded,
            error: .string(limit: 4096))
        try #require(result.terminationStatus.isSuccess, "\(words.joined(separator: " ")): \(result.standardError)")
    }
}
