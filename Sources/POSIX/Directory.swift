import Glibc

/// Operations on directories and on names in them.
package enum Directory {
    /// Creates a directory and its missing parents; those it creates have these permissions whatever the umask.
    ///
    /// A directory that exists is left as it is.
    package static func create(_ path: String, permissions: UInt32) throws(SystemCallError) {
        if exists(path) { return }
        let parent = parent(of: path)
        if parent != path { try create(parent, permissions: permissions) }
        do throws(SystemCallError) {
            try check("mkdir", path: path) { unsafe mkdir(path, mode_t(permissions)) }
            try setPermissions(permissions, of: path)
        } catch {
            // Another process was faster.
            guard error.code == EEXIST, exists(path) else { throw error }
        }
    }

    /// `chmod`.
    package static func setPermissions(_ permissions: UInt32, of path: String) throws(SystemCallError) {
        try check("chmod", path: path) { unsafe chmod(path, mode_t(permissions)) }
    }

    /// Whether the path is a directory, or a link to one.
    package static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names in a directory, sorted, without `.` and `..`.
    package static func names(in path: String) throws(SystemCallError) -> [String] {
        guard let stream = unsafe opendir(path) else { throw SystemCallError("opendir", path: path, code: errno) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        if errno != 0 { throw SystemCallError("readdir", path: path, code: errno) }
        return names.sorted()
    }

    /// `fsync` of the directory: returns when the names in it are on the disk.
    package static func synchronize(_ path: String) throws(SystemCallError) {
        let descriptor = try check("open", path: path) { unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        defer { close(descriptor) }
        try check("fsync", path: path) { fsync(descriptor) }
    }

    /// Removes a file; no error when there is none.
    package static func removeFile(_ path: String) throws(SystemCallError) {
        do throws(SystemCallError) {
            try check("unlink", path: path) { unsafe unlink(path) }
        } catch {
            guard error.code == ENOENT else { throw error }
        }
    }

    /// Renames within one volume, over an existing file if there is one.
    package static func rename(_ old: String, to new: String) throws(SystemCallError) {
        try check("rename", path: old) { unsafe Glibc.rename(old, new) }
    }

    private static func parent(of path: String) -> String {
        var path = path[...]
        while path.count > 1, path.last == "/" { path.removeLast() }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// The file system a path is on.
package struct Volume: Sendable, Hashable {
    /// What this user may still write.
    package var bytesFree: UInt64
    package var bytesTotal: UInt64
    package var isReadOnly: Bool

    // ST_RDONLY
    private static let readOnlyFlag: UInt = 1

    /// - Parameter path: any existing file or directory on the volume.
    package init(of path: String) throws(SystemCallError) {
        var status = statvfs()
        try check("statvfs", path: path) { unsafe statvfs(path, &status) }
        bytesFree = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        bytesTotal = UInt64(status.f_blocks) * UInt64(status.f_frsize)
        isReadOnly = UInt(status.f_flag) & Self.readOnlyFlag != 0
    }
}
