import POSIX

/// The processes that use the cluster now: each holds a lock that ends with it, so a killed one counts no more.
struct ClusterUsers: Sendable {
    let directory: String

    /// Counts this process in until the lock is released.
    func enter() throws(SystemCallError) -> LockFile {
        try Directory.create(directory, permissions: 0o700)
        while true {
            let name = "\(CurrentProcess.id)-\(String(UInt32.random(in: .min ... .max), radix: 16))"
            if let lock = try LockFile.acquire("\(directory)/\(name)") { return lock }
        }
    }

    /// Counts this process out and says whether others are left.
    func leave(_ lock: LockFile) throws(SystemCallError) -> Bool {
        try Directory.removeFile(lock.path)
        lock.release()
        var isUsed = false
        for name in try Directory.names(in: directory) {
            let path = "\(directory)/\(name)"
            guard let stale = try LockFile.acquire(path) else {
                isUsed = true
                continue
            }
            try Directory.removeFile(path)
            stale.release()
        }
        return isUsed
    }
}
