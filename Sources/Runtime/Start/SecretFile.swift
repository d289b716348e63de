import FoundationEssentials
import POSIX

/// A file that only its owner reads (0600).
enum SecretFile {
    /// Makes the file; one that is there stays as it is.
    static func create(_ path: String, _ text: String) throws(SystemCallError) {
        let file = try OpenFile(path, .creating(permissions: 0o600))
        try file.write(Array(text.utf8), at: 0)
        try file.synchronize()
    }

    /// Puts a new file in the place of the old one, whole whatever happens meanwhile.
    static func replace(_ path: String, _ text: String) throws(SystemCallError) {
        let next = path + ".new"
        // Left by a process that died in between; it was never in use.
        try? FileManager.default.removeItem(atPath: next)
        try create(next, text)
        try Directory.rename(next, to: path)
    }
}
