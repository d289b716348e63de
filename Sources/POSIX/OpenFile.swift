import Glibc

/// An open regular file; closed when the last reference goes.
///
/// Safe to use from any thread: every call has its offset.
package final class OpenFile: Sendable {
    package enum Mode: Sendable {
        case reading
        case writing
        /// Must not exist yet; created with these permissions, open for reading and writing.
        case creating(permissions: UInt32)
    }

    package let path: String
    private let descriptor: Int32

    /// Opens the file, never following a symbolic link at the end of the path; the descriptor does not pass to children.
    package init(_ path: String, _ mode: Mode) throws(SystemCallError) {
        self.path = path
        descriptor = try check("open", path: path) {
            switch mode {
            case .reading: unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            case .writing: unsafe open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            case .creating(let permissions):
                unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(permissions))
            }
        }
    }

    deinit { close(descriptor) }

    /// The size in bytes.
    package func size() throws(SystemCallError) -> Int {
        var status = stat()
        try check("fstat", path: path) { unsafe fstat(descriptor, &status) }
        return Int(status.st_size)
    }

    /// When the contents last changed, in seconds since 1970.
    package func modificationTime() throws(SystemCallError) -> Double {
        var status = stat()
        try check("fstat", path: path) { unsafe fstat(descriptor, &status) }
        return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
    }

    /// Cuts the file to `count` bytes.
    package func truncate(to count: Int) throws(SystemCallError) {
        try check("truncate", path: path) { ftruncate(descriptor, off_t(count)) }
    }

    /// Writes all bytes at an offset.
    package func write(_ bytes: [UInt8], at offset: Int) throws(SystemCallError) {
        var written = 0
        while written < bytes.count {
            written += try check("write", path: path) {
                unsafe bytes.withUnsafeBytes { buffer in
                    unsafe pwrite(
                        descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written,
                        off_t(offset + written))
                }
            }
        }
    }

    /// Reads `count` bytes at an offset; fewer at the end of the file.
    package func read(_ count: Int, at offset: Int) throws(SystemCallError) -> [UInt8] {
        var failure: SystemCallError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(SystemCallError) {
                while initialized < count {
                    let got = try check("read", path: path) {
                        unsafe pread(
                            descriptor, buffer.baseAddress?.advanced(by: initialized), count - initialized,
                            off_t(offset + initialized))
                    }
                    if got == 0 { break }
                    initialized += got
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Sets disk blocks aside for `count` bytes from the start, so that later writes cannot run out of space.
    package func allocate(_ count: Int) throws(SystemCallError) {
        // posix_fallocate returns the error instead of setting errno.
        let code = posix_fallocate(descriptor, 0, off_t(count))
        guard code != EINTR else { return try allocate(count) }
        guard code == 0 || code == EOPNOTSUPP || code == EINVAL else {
            throw SystemCallError("allocate", path: path, code: code)
        }
    }

    /// `fdatasync`: returns when the contents are on the disk.
    package func synchronizeData() throws(SystemCallError) {
        try check("fdatasync", path: path) { fdatasync(descriptor) }
    }

    /// `fsync`: returns when contents and metadata are on the disk.
    package func synchronize() throws(SystemCallError) {
        try check("fsync", path: path) { fsync(descriptor) }
    }
}
