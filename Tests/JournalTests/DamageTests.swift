import Domain
import FoundationEssentials
import Journal
import Testing

@Suite("Damaged segments")
struct DamageTests {
    private let bench = Workbench()

    /// A segment of an ended process with so many answers, cut behind the last.
    private func segment(answers: Int) async throws -> (path: String, bytes: Data) {
        let path = "\(bench.root)/source-\(answers)"
        let journal = try bench.open(path)
        _ = try await journal.recover()
        for attempt in 0..<answers { try await journal.keep(answer("ch\(attempt)", Int64(attempt + 1))) }
        await journal.close()
        let file = try #require(try bench.segments(in: path).first)
        return (path, try #require(FileManager.default.contents(atPath: file)))
    }

    /// Recovers a directory that holds these bytes as its only segment.
    private func recover(_ bytes: Data) async throws -> (recovery: JournalRecovery, report: JournalScanReport) {
        let path = "\(bench.root)/damaged"
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try bytes.write(to: URL(filePath: "\(path)/0000000000000001.segment"))
        let journal = try bench.open(path)
        let recovery = try await journal.recover()
        let report = await journal.scanReport()
        await journal.close()
        return (recovery, report)
    }

    @Test func `a torn tail loses its own record and no other`() async throws {
        let two = try await segment(answers: 2).bytes
        let three = try await segment(answers: 3).bytes
        for end in two.count..<three.count {
            // Once cut, once with the zeros that the segment was filled with.
            for padding in [0, 4096] {
                let (recovery, _) = try await recover(three.prefix(end) + Data(repeating: 0, count: padding))
                let keys = recovery.answers.map(\.key.attempt)
                // The last bytes are zero padding: with them torn the record is whole.
                #expect(keys == [2, 1] || (keys == [3, 2, 1] && end > three.count - 8), "cut at \(end)")
                #expect(recovery.quarantined.isEmpty)
            }
        }
        #expect(try await recover(three).recovery.answers.count == 3)
    }

    @Test func `a flipped bit loses one record at most and is reported`() async throws {
        let bytes = try await segment(answers: 3).bytes
        for offset in stride(from: 0, to: bytes.count, by: 5) {
            var damaged = bytes
            damaged[offset] ^= 1 << UInt8(offset % 8)
            let (recovery, report) = try await recover(damaged)
            #expect(recovery.answers.count >= 2, "bit at \(offset)")
            if recovery.answers.count == 2 { #expect(report.badHeaders + report.badBodies == 1, "bit at \(offset)") }
            if !recovery.answers.map(\.key.attempt).contains(1) { #expect(recovery.quarantined.count == 1) }
        }
    }

    @Test func `zeros in the middle cost what they cover`() async throws {
        let two = try await segment(answers: 2).bytes
        let one = try await segment(answers: 1).bytes
        var bytes = try await segment(answers: 3).bytes
        bytes.replaceSubrange(one.count..<two.count, with: Data(repeating: 0, count: two.count - one.count))
        #expect(try await recover(bytes).recovery.answers.map(\.key.attempt) == [3, 1])
    }

    @Test(arguments: [0, 1, 63, 64, 65, 5000])
    func `a file of noise is no obstacle`(count: Int) async throws {
        var generator = SystemRandomNumberGenerator()
        let noise = Data((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
        let (recovery, report) = try await recover(noise)
        #expect(recovery.answers.isEmpty)
        #expect(report.segments == 1)
    }

    @Test func `a segment of a later version is kept and named`() async throws {
        // magic, format 2, 32 bytes, and the CRC-32C of these.
        var bytes = Data([0x54, 0x57, 0x4A, 0x53, 2, 0]) + Data(repeating: 0, count: 32)
        bytes += Data([0x91, 0x69, 0x06, 0xA8])
        bytes += Data(repeating: 1, count: 500)
        let (recovery, _) = try await recover(bytes)
        #expect(recovery.quarantined.count == 1)
        #expect(try bench.segments(in: "\(bench.root)/damaged").count == 1)
    }
}
