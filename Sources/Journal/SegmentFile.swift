import FoundationEssentials
import POSIX

/// A segment this process created; confined to the writer's thread.
final class SegmentFile {
    let number: UInt64
    let path: String
    /// The size of the file.
    let bytes: Int
    /// Where the next record goes.
    private(set) var offset = RecordLayout.segmentHeaderBytes
    private let file: OpenFile
    private let faults: DiskFaults

    init(number: UInt64, path: String, bytes: Int, file: OpenFile, faults: DiskFaults) {
        self.number = number
        self.path = path
        self.bytes = bytes
        self.file = file
        self.faults = faults
    }

    var bytesFree: Int { bytes - offset }

    /// Writes records behind the last one; the place moves on even if that fails, for then the segment is given up.
    func append(_ records: [UInt8]) throws(SystemCallError) {
        defer { offset += records.count }
        if let code = faults.fault(.writeRecords) { throw SystemCallError("write", path: path, code: code) }
        try file.write(records, at: offset)
    }

    /// Returns when everything appended so far is on the disk.
    func synchronize() throws(SystemCallError) {
        if let code = faults.fault(.synchronizeRecords) { throw SystemCallError("fdatasync", path: path, code: code) }
        try file.synchronizeData()
    }

    /// Gives the unused end back to the disk.
    func truncate() throws(SystemCallError) {
        try file.truncate(to: offset)
    }

    func read(_ count: Int, at offset: Int) throws(SystemCallError) -> [UInt8] {
        try file.read(count, at: offset)
    }
}

/// Creates a segment in short steps, so that groups can be written in between; confined to the writer's thread.
///
/// The file has another name until it is whole and on the disk, so a scan never meets half of one.
final class SegmentPreparation {
    private static let stepBytes = 4 << 20

    private let number: UInt64
    private let directory: JournalDirectory
    private let bytes: Int
    private let file: OpenFile
    private let faults: DiskFaults
    private var written = 0
    /// A step has failed, and the file is gone.
    private(set) var hasFailed = false

    private var temporaryPath: String { SegmentName.path(number, in: directory.path) + SegmentName.unfinishedSuffix }

    init(
        number: UInt64, directory: JournalDirectory, bytes: Int, created: Date, faults: DiskFaults
    ) throws(SystemCallError) {
        self.number = number
        self.directory = directory
        self.bytes = bytes
        self.faults = faults
        let path = SegmentName.path(number, in: directory.path) + SegmentName.unfinishedSuffix
        if let code = faults.fault(.createSegment) { throw SystemCallError("create", path: path, code: code) }
        try Directory.removeFile(path)
        file = try OpenFile(path, .creating(permissions: 0o600))
        do throws(SystemCallError) {
            try file.allocate(bytes)
            try file.write(Self.header(journal: directory.id, number: number, created: created), at: 0)
            written = RecordLayout.segmentHeaderBytes
        } catch {
            abandon()
            throw error
        }
    }

    /// Does the next step; the segment when it was the last.
    ///
    /// After an error the file is gone.
    func step() throws(SystemCallError) -> SegmentFile? {
        do throws(SystemCallError) {
            if written < bytes {
                if let code = faults.fault(.zeroSegment) {
                    throw SystemCallError("write", path: temporaryPath, code: code)
                }
                let count = min(Self.stepBytes, bytes - written)
                try file.write([UInt8](repeating: 0, count: count), at: written)
                try file.synchronizeData()
                written += count
                return nil
            }
            if let code = faults.fault(.synchronizeSegment) {
                throw SystemCallError("fsync", path: temporaryPath, code: code)
            }
            try file.synchronize()
            let path = SegmentName.path(number, in: directory.path)
            try Directory.rename(temporaryPath, to: path)
            try Directory.synchronize(directory.path)
            return SegmentFile(number: number, path: path, bytes: bytes, file: file, faults: faults)
        } catch {
            abandon()
            throw error
        }
    }

    /// Does all steps that are left.
    func finish() throws(SystemCallError) -> SegmentFile {
        while true {
            if let segment = try step() { return segment }
        }
    }

    func abandon() {
        hasFailed = true
        // A leftover is removed at the next start.
        try? Directory.removeFile(temporaryPath)
    }

    private static func header(journal: UUID, number: UInt64, created: Date) -> [UInt8] {
        var writer = ByteWriter(capacity: RecordLayout.segmentHeaderBytes)
        writer.append(RecordLayout.segmentMagic)
        writer.append(RecordLayout.format)
        let id = journal.uuid
        writer.append(raw: [
            id.0, id.1, id.2, id.3, id.4, id.5, id.6, id.7, id.8, id.9, id.10, id.11, id.12, id.13, id.14, id.15,
        ])
        writer.append(number)
        writer.append(created.timeIntervalSince1970.bitPattern)
        writer.append(CRC32C.checksum(writer.bytes))
        writer.pad(to: RecordLayout.segmentHeaderBytes)
        return writer.bytes
    }
}
