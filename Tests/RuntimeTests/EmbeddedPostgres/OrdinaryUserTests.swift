import Foundation
import Glibc
import Runtime
import Subprocess
import Testing

@Suite("The embedded cluster of an ordinary user")
struct OrdinaryUserTests {
    /// Root runs the next test as `nobody`; everybody else runs it as it is.
    @Test(.enabled(if: geteuid() == 0))
    func `root starts these tests again as nobody`() async throws {
        let folder = "/tmp/tokenward-test-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let program = folder + "/tests"
        let this = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        try FileManager.default.copyItem(atPath: this, toPath: program)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let result = try await Subprocess.run(
            .name("setpriv"),
            arguments: [
                "--reuid=65534", "--regid=65534", "--clear-groups", program, "--testing-library", "swift-testing",
                "--filter", "ownFiles",
            ],
            environment: .inherit.updating(["HOME": folder]), output: .string(limit: 1_048_576),
            error: .string(limit: 1_048_576))
        #expect(result.terminationStatus.isSuccess, "\(result.standardOutput)\(result.standardError)")
        #expect((result.standardOutput + result.standardError).contains("1 test"), "it ran")
    }

    @Test(.enabled(if: geteuid() != 0))
    func ownFiles() async throws {
        try await ClusterHome.with { home in
            try await home.cluster().with { uri in
                try await home.expect(uri, "select current_user", "tokenward")
            }
            try await home.cluster(.visiting).with { uri in
                try await home.expect(uri, "select 1", "1")
            }
        }
    }
}
