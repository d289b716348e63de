import FoundationEssentials
import Glibc

/// How clients reach the cluster's socket.
enum SocketAddress {
    /// A socket's path has 107 bytes, of which libpq's file name takes these.
    private static let directoryBytesMax = 107 - "/.s.PGSQL.5432".utf8.count

    /// The libpq URI of the application's database; it holds no secret.
    static func uri(socketDirectory: String) throws(EmbeddedPostgresError) -> String {
        let host = try reachable(socketDirectory)
        return "postgresql://\(Cluster.role)@/\(Cluster.role)?host=\(percentEncoded(host))&port=5432"
    }

    /// Removes the short link when the server has ended.
    static func forget(socketDirectory: String) {
        let link = shortLink(to: socketDirectory)
        guard let facts = FileFacts(link), facts.isLink, facts.user == geteuid() else { return }
        try? FileManager.default.removeItem(atPath: link)
    }

    /// The directory itself, or a link in /tmp when its path is too long for a socket.
    private static func reachable(_ directory: String) throws(EmbeddedPostgresError) -> String {
        guard directory.utf8.count > directoryBytesMax else { return directory }
        let link = shortLink(to: directory)
        let manager = FileManager.default
        if let facts = FileFacts(link) {
            // Anybody may write to /tmp: only a link of ours is followed or replaced.
            guard facts.isLink, facts.user == geteuid() else { throw .socketLink(path: link) }
            if (try? manager.destinationOfSymbolicLink(atPath: link)) == directory { return link }
            try? manager.removeItem(atPath: link)
        }
        do {
            try manager.createSymbolicLink(atPath: link, withDestinationPath: directory)
        } catch {
            throw .socketLink(path: link)
        }
        return link
    }

    private static func shortLink(to directory: String) -> String {
        "/tmp/tokenward-\(geteuid())-\(digest(directory))"
    }

    /// FNV-1a, 64 bits: a name for the path, not a proof of it.
    private static func digest(_ text: String) -> String {
        let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }

    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { result, unit in
            let scalar = Character(UnicodeScalar(unit))
            if scalar.isASCII && (scalar.isLetter || scalar.isNumber || "-._~/".contains(scalar)) {
                result.append(scalar)
            } else {
                result += "%\(digits[Int(unit >> 4)])\(digits[Int(unit & 15)])"
            }
        }
    }
}
