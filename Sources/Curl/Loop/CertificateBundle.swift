import CLibcurl
import Glibc

/// The certificate authorities a client trusts, as a path for libcurl.
///
/// Without an extra file this is the system's bundle itself. With one, an anonymous file in memory holds both, so that
/// nothing is written to disk; libcurl reads it as `/proc/self/fd/N`. Read when the client starts.
final class CertificateBundle: Sendable {
    static let bytesMax = 16 << 20

    let path: String?
    private let descriptor: Int32?

    init(extraFile: String?) throws(CurlError) {
        let systemPath = Self.systemPath
        guard let extraFile else {
            (path, descriptor) = (systemPath, nil)
            return
        }
        func refused(_ reason: String) -> CurlError { .caFile(path: extraFile, reason: reason) }
        let extra: [UInt8]
        switch Self.read(extraFile) {
        case .success(let bytes): extra = bytes
        case .failure(let error): throw refused(error.reason)
        }
        guard String(decoding: extra, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
            throw refused("it holds no PEM certificate")
        }
        var bundle: [UInt8] = []
        if let systemPath, case .success(let system) = Self.read(systemPath) { bundle = system + [UInt8(ascii: "\n")] }
        bundle += extra
        let descriptor = unsafe tw_memory_file("certificate authorities")
        guard descriptor >= 0 else { throw refused("no memory file could be made, \(Self.systemError)") }
        (path, self.descriptor) = ("/proc/self/fd/\(descriptor)", descriptor)
        guard Self.write(bundle, to: descriptor) else {
            throw refused("the bundle could not be written, \(Self.systemError)")
        }
    }

    deinit {
        if let descriptor { close(descriptor) }
    }

    /// The bundle libcurl was built for, else the first of the usual places; nil when the system trusts nobody.
    private static var systemPath: String? {
        let known = unsafe tw_system_ca_file().map { unsafe String(cString: $0) }
        let usual = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
        return ((known.map { [$0] } ?? []) + usual).first { unsafe access($0, R_OK) == 0 }
    }

    private struct ReadError: Error { let reason: String }

    private static func read(_ path: String) -> Result<[UInt8], ReadError> {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return .failure(ReadError(reason: systemError)) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe Glibc.read(file, &piece, piece.count)
            guard count >= 0 else { return .failure(ReadError(reason: systemError)) }
            guard count > 0 else { return .success(bytes) }
            bytes += piece[..<count]
            guard bytes.count <= bytesMax else { return .failure(ReadError(reason: "it is larger than 16 MiB")) }
        }
    }

    private static func write(_ bytes: [UInt8], to file: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.write(file, bytes.baseAddress! + written, bytes.count - written)
            }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }

    private static var systemError: String { unsafe String(cString: strerror(errno)) }
}
