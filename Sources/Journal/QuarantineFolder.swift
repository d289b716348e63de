import Domain
import POSIX

/// The entries that were set aside: one file each (0600) with the record as it was, and its sentence beside it.
struct QuarantineFolder {
    /// Why an entry is here; the file's suffix.
    enum Kind: String {
        /// Tried again at each start: the key may be back.
        case unknownKey = "unknown-key"
        case unreadable = "unreadable"
        /// The database or the catalogue refused it.
        case refused = "refused"
    }

    private let path: String

    init(journal: String) {
        path = journal + "/quarantine"
    }

    /// The record files, sorted.
    func names() -> [String] {
        guard Directory.exists(path) else { return [] }
        return ((try? Directory.names(in: path)) ?? []).filter { !$0.hasSuffix(".txt") }
    }

    /// Keeps a record; returns when it is on the disk.
    func add(
        _ record: [UInt8], attempt: Int64, kind: Kind, sentence: String, faults: DiskFaults
    ) throws(SystemCallError) {
        if let code = faults.fault(.writeQuarantine) { throw SystemCallError("write", path: path, code: code) }
        try Directory.create(path, permissions: 0o700)
        let (name, file) = try createFile(attempt: attempt, kind: kind)
        try file.write(record, at: 0)
        try file.synchronize()
        let text = try OpenFile("\(path)/\(name).txt", .creating(permissions: 0o600))
        try text.write(Array((sentence + "\n").utf8), at: 0)
        try Directory.synchronize(path)
    }

    private func createFile(attempt: Int64, kind: Kind) throws(SystemCallError) -> (name: String, file: OpenFile) {
        let taken = Set(names())
        var count = 0
        while taken.contains("\(attempt)-\(count).\(kind.rawValue)") { count += 1 }
        let name = "\(attempt)-\(count).\(kind.rawValue)"
        return (name, try OpenFile("\(path)/\(name)", .creating(permissions: 0o600)))
    }

    /// The bytes of a file here.
    func read(_ name: String) throws(SystemCallError) -> [UInt8] {
        let file = try OpenFile("\(path)/\(name)", .reading)
        return try file.read(try file.size(), at: 0)
    }

    func remove(_ name: String) throws(SystemCallError) {
        try Directory.removeFile("\(path)/\(name)")
        try Directory.removeFile("\(path)/\(name).txt")
    }

    /// Moves the files of another folder here.
    func adopt(from other: QuarantineFolder) throws(SystemCallError) {
        let names = other.names()
        guard !names.isEmpty else { return }
        try Directory.create(path, permissions: 0o700)
        let taken = Set(self.names())
        for name in names {
            var free = name
            var count = 0
            while taken.contains(free) || (free != name && names.contains(free)) {
                count += 1
                let dot = name.lastIndex(of: ".") ?? name.endIndex
                free = "\(name[..<dot])-\(count)\(name[dot...])"
            }
            try Directory.rename("\(other.path)/\(name)", to: "\(path)/\(free)")
            do throws(SystemCallError) {
                try Directory.rename("\(other.path)/\(name).txt", to: "\(path)/\(free).txt")
            } catch {
                // The sentence informs people only; it may be missing.
            }
        }
        try Directory.synchronize(path)
    }
}
