package import Domain
package import FoundationEssentials
import POSIX

/// A journal's directory, held by an exclusive lock for as long as this object lives.
package final class JournalDirectory: Sendable {
    package let path: String
    /// The journal's lasting identity: in the segments and in the database's `replica` table.
    package let id: UUID
    /// Journals of ended processes beside this one whose segments were moved here to be settled.
    package let adopted: [UUID]
    private let lock: LockFile

    private static let numbersMax = 64
    private static let prefix = "journal-"

    /// Creates the directory (0700) if need be and takes its lock.
    ///
    /// - Throws: ``JournalError/locked(_:)`` with the path when another process holds it, else
    ///   ``JournalError/failed(_:)``.
    package convenience init(_ path: String) throws(JournalError) {
        try self.init(path, adoptingFrom: nil)
    }

    /// Takes the first free one of `journal-0`, `journal-1` … under `root`, and moves the segments of those whose
    /// processes have ended into it.
    package static func claim(under root: String) throws(JournalError) -> JournalDirectory {
        for number in 0..<numbersMax {
            do throws(JournalError) {
                return try JournalDirectory("\(root)/\(prefix)\(number)", adoptingFrom: root)
            } catch .locked {
                continue
            }
        }
        throw .locked("\(root) (all \(numbersMax) journals are in use)")
    }

    private init(_ path: String, adoptingFrom root: String?) throws(JournalError) {
        let lock: LockFile?
        do throws(SystemCallError) {
            try Directory.create(path, permissions: 0o700)
            try Directory.setPermissions(0o700, of: path)
            lock = try LockFile.acquire(path + "/lock")
        } catch {
            throw .failed(error.description)
        }
        guard let lock else { throw .locked(path) }
        do throws(SystemCallError) {
            id = try Self.identity(of: path)
            adopted = if let root { try Self.adoptSegments(from: root, into: path) } else { [] }
        } catch {
            throw .failed(error.description)
        }
        self.lock = lock
        self.path = path
    }

    /// Gives the directory up.
    func release() { lock.release() }

    private static func identity(of path: String) throws(SystemCallError) -> UUID {
        let name = path + "/identity"
        if let file = try? OpenFile(name, .reading), let bytes = try? file.read(36, at: 0),
            let id = UUID(uuidString: String(decoding: bytes, as: UTF8.self))
        {
            return id
        }
        let id = UUID()
        try Directory.removeFile(name + SegmentName.unfinishedSuffix)
        let file = try OpenFile(name + SegmentName.unfinishedSuffix, .creating(permissions: 0o600))
        try file.write(Array("\(id.uuidString)\n".utf8), at: 0)
        try file.synchronize()
        try Directory.rename(name + SegmentName.unfinishedSuffix, to: name)
        try Directory.synchronize(path)
        return id
    }

    /// Removes what a killed process had begun to create.
    static func removeUnfinished(in path: String) throws(SystemCallError) {
        for name in try Directory.names(in: path) where name.hasSuffix(SegmentName.unfinishedSuffix) {
            try Directory.removeFile("\(path)/\(name)")
        }
    }

    /// Moves segments and quarantined entries of free sibling directories behind those that are here.
    ///
    /// The order within a sibling is kept: what settles an entry stays behind the entry.
    private static func adoptSegments(from root: String, into path: String) throws(SystemCallError) -> [UUID] {
        var adopted: [UUID] = []
        for name in try Directory.names(in: root) where name.hasPrefix(prefix) && "\(root)/\(name)" != path {
            let sibling = "\(root)/\(name)"
            let numbers = try SegmentName.numbers(in: sibling)
            let quarantined = QuarantineFolder(journal: sibling).names()
            let unfinished = try Directory.names(in: sibling).filter { $0.hasSuffix(SegmentName.unfinishedSuffix) }
            guard !numbers.isEmpty || !quarantined.isEmpty || !unfinished.isEmpty,
                let lock = try LockFile.acquire(sibling + "/lock")
            else { continue }
            try removeUnfinished(in: sibling)
            var next = (try SegmentName.numbers(in: path).last ?? 0) + 1
            // Read again: until the lock was ours, its holder may have written.
            for number in try SegmentName.numbers(in: sibling) {
                try Directory.rename(SegmentName.path(number, in: sibling), to: SegmentName.path(next, in: path))
                next += 1
            }
            try QuarantineFolder(journal: path).adopt(from: QuarantineFolder(journal: sibling))
            try Directory.synchronize(path)
            try Directory.synchronize(sibling)
            adopted.append(try identity(of: sibling))
            lock.release()
        }
        return adopted
    }
}

/// Names of segment files: 16 hexadecimal digits and `.segment`, so that their order is the order of writing.
enum SegmentName {
    /// Behind the name of a file that is not whole yet.
    static let unfinishedSuffix = ".new"
    private static let suffix = ".segment"

    static func path(_ number: UInt64, in directory: String) -> String {
        let digits = String(number, radix: 16)
        return "\(directory)/\(String(repeating: "0", count: 16 - digits.count))\(digits)\(suffix)"
    }

    /// The numbers of the segments in a directory, ascending.
    static func numbers(in directory: String) throws(SystemCallError) -> [UInt64] {
        guard Directory.exists(directory) else { return [] }
        return try Directory.names(in: directory).compactMap { name in
            name.hasSuffix(suffix) ? UInt64(name.dropLast(suffix.utf8.count), radix: 16) : nil
        }.sorted()
    }
}
