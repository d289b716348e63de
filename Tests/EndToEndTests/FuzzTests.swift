import FoundationEssentials
import Sandbox
import Subprocess
import TestSupport
import Testing

/// schemathesis, an independent reader of OpenAPI, over the running service.
@Suite(.timeLimit(.minutes(15))) struct FuzzTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    /// Seconds for each role; `make fuzz-api` gives more.
    private static let seconds = ProcessInfo.processInfo.environment["TOKENWARD_FUZZ_SECONDS"] ?? "25"

    /// What `make fuzz-api` leaves out, with the reasons beside it.
    private static let excluded: String = {
        let makefile = (try? String(contentsOfFile: root + "/Makefile", encoding: .utf8)) ?? ""
        let line = makefile.split(separator: "\n").first { $0.hasPrefix("FUZZ_EXCLUDED := ") }
        return line.map { String($0.dropFirst("FUZZ_EXCLUDED := ".count)) } ?? ""
    }()

    @Test(arguments: ["superadmin", "tenant:acme"])
    func `the service is as its document says, whatever is sent`(_ role: String) async throws {
        try await World.with { world in
            try await world.migrate()
            try await world.importChannels([
                world.channel("shop", tenant: "acme"), world.channel("crm", .amocrm, tenant: "acme"),
                world.channel("amocrm", .amocrm), world.channel("facebook-ads", .facebookAds),
            ])
            let token = "fuzzing-token-0000000000"
            try await world.addToken(token, role: role)
            try await world.serve(settings: ["TOKENWARD_REQUEST_RATE": "0"]) { program, client in
                let arguments = [
                    "--config-file", Self.root + "/Tests/Peers/schemathesis.toml", "run",
                    "http://\(client.address)/openapi.json", "--max-time", Self.seconds, "--header",
                    "Authorization: Bearer \(token)", "--exclude-checks", Self.excluded, "--no-color",
                    "--request-timeout", "40", "--seed", "1",
                ]
                let result = try await Subprocess.run(
                    .name("env"),
                    arguments: Arguments(["-C", world.directory, Self.root + "/.venv/bin/schemathesis"] + arguments),
                    input: .none, output: .string(limit: 16 << 20),
                    error: .string(limit: 1 << 20))
                // A traceback of schemathesis' own prints whole source files on one line.
                let lines = result.standardOutput.split(separator: "\n").filter { $0.utf8.count < 2000 }
                #expect(
                    result.terminationStatus.isSuccess,
                    "\(lines.joined(separator: "\n").suffix(12_000))\n\(result.standardError.suffix(2000))\n\(program.text.suffix(2000))"
                )
                #expect(try await client.get("/healthz").status == 200)
            }
        }
    }
}
