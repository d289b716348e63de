import FoundationEssentials
import Subprocess
import Testing

/// A self-signed certificate and its key in a directory that goes with `body`.
func withCertificate<R>(for names: String, body: (_ certificate: String, _ key: String) async throws -> R) async throws
    -> R
{
    let directory = FileManager.default.temporaryDirectory.appending(path: "curl-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let (certificate, key) = (directory.appending(path: "cert.pem").path, directory.appending(path: "key.pem").path)
    let result = try await run(
        .name("openssl"),
        arguments: [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj",
            "/CN=test", "-addext", "subjectAltName=\(names)", "-keyout", key, "-out", certificate,
        ], output: .discarded, error: .string(limit: 1 << 16))
    #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
    return try await body(certificate, key)
}
