import Glibc

/// An exclusive lock that ends with ``release()``, with the object, or with the process: it is never stale.
///
/// The file stays where it is; removing it would let two holders lock two files of one name.
package final class LockFile: Sendable {
    package let path: String
    private let descriptor: Int32

    /// Takes the lock or returns nil when another process, or another object of this one, holds it.
    ///
    /// Never waits. Creates the file (0600) when there is none and writes the process id into it, for people.
    package static func acquire(_ path: String) throws(SystemCallError) -> LockFile? {
        let descriptor = try check("open", path: path) {
            unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode_t(0o600))
        }
        do throws(SystemCallError) {
            try check("flock", path: path) { flock(descriptor, LOCK_EX | LOCK_NB) }
        } catch {
            close(descriptor)
            if error.code == EWOULDBLOCK { return nil }
            throw error
        }
        let text = Array("\(CurrentProcess.id)\n".utf8)
        _ = ftruncate(descriptor, 0)
        // The text informs people only; without it the lock is as good.
        _ = unsafe pwrite(descriptor, text, text.count, 0)
        return LockFile(path: path, descriptor: descriptor)
    }

    private init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Gives the lock up at once; a second call does nothing.
    package func release() {
        _ = flock(descriptor, LOCK_UN)
    }
}
