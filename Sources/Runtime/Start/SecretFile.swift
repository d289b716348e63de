import POSIX

/// A file that only its owner reads (0600), made once and never overwritten.
enum SecretFile {
    static func create(_ path: String, _ text: String) throws(SystemCallError) {
        let file = try OpenFile(path, .creating(permissions: 0o600))
        try file.write(Array(text.utf8), at: 0)
        try file.synchronize()
    }
}
