import Domain
import FoundationEssentials
import Journal
import Sealing
import Testing

@Suite("Retention and quarantine")
struct RetentionTests {
    private let bench = Workbench()
    private let clock = TestClock()

    private func ended(answers: Int, settled: [Int64] = []) async throws {
        let journal = try bench.open(now: clock.now)
        _ = try await journal.recover()
        for attempt in 1...answers { try await journal.keep(answer("ch\(attempt)", Int64(attempt))) }
        journal.noteDone(settled.map { key("ch\($0)", $0) })
        await journal.close()
    }

    @Test func `settled answers are kept for their time and open ones beyond it`() async throws {
        try await ended(answers: 3, settled: [1, 2])
        let old = try #require(try bench.segments().first)
        let journal = try bench.open(now: clock.now)
        #expect(try await journal.recover().answers.map(\.key.attempt) == [3])
        clock.advance(hours: 23)
        await journal.flush()
        #expect(journal.standing().retainedEntries == 2)
        #expect(FileManager.default.fileExists(atPath: old))
        clock.advance(hours: 2)
        await journal.flush()
        #expect(journal.standing().retainedEntries == 0)
        #expect(journal.standing().openEntries == 1)
        #expect(!FileManager.default.fileExists(atPath: old))
        #expect(try await bench.recovery(of: bench.killed()).answers == [answer("ch3", 3)])
        journal.noteDone([key("ch3", 3)])
        await journal.close()
        #expect(try await bench.recovery().answers.isEmpty)
    }

    @Test func `settled answers beyond the limit of bytes go first`() async throws {
        var configuration = Workbench.small
        configuration.retentionBytes = 40 << 10
        let journal = try bench.open(configuration: configuration)
        _ = try await journal.recover()
        for attempt in 1...300 {
            let key = key("ch", Int64(attempt))
            var reservation = try? journal.reserve()
            while reservation == nil {
                await journal.flush()
                reservation = try? journal.reserve()
            }
            if let reservation { try await journal.append(answer("ch", Int64(attempt)), using: reservation) }
            if attempt != 1 { journal.noteDone([key]) }
        }
        await Workbench.rest(journal)
        #expect(try bench.segments().count <= 2 + 1 + configuration.sparesMax)
        #expect(journal.standing().retainedEntries < 200)
        #expect(journal.standing().openEntries == 1)
        #expect(try await bench.recovery(of: bench.killed()).answers.map(\.key.attempt) == [1])
        await journal.close()
    }

    @Test func `retained answers are read newest first, settled or not`() async throws {
        try await ended(answers: 5, settled: [1, 2, 3])
        let journal = try bench.open()
        _ = try await journal.recover()
        try await journal.keep(answer("new", 9))
        #expect(await journal.retainedAnswers().map(\.key.attempt) == [9, 5, 4, 3, 2, 1])
        #expect(await journal.retainedAnswers(newest: 2).map(\.key.attempt) == [9, 5])
        await journal.close()
    }

    @Test func `segments that nothing was written to are removed`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        await journal.flush()
        let copy = try bench.killed()
        let next = try bench.open(copy)
        _ = try await next.recover()
        await next.close()
        #expect(try bench.segments(in: copy).isEmpty)
        await journal.close()
    }

    @Test func `an answer whose key is missing is set aside until the key is back`() async throws {
        try await ended(answers: 2)
        let other = KeyRing.generated().ring
        let journal = try bench.open(ring: other)
        let recovery = try await journal.recover()
        #expect(recovery.answers.isEmpty && recovery.claims.isEmpty)
        #expect(recovery.quarantined.count == 2)
        #expect(recovery.quarantined.allSatisfy { $0.contains(bench.ring.sealingKid) })
        #expect(journal.standing().quarantinedEntries == 2)
        #expect(journal.standing().openEntries == 0)
        try await journal.keep(answer("new", 9))
        await journal.close()
        #expect(try await bench.recovery(ring: other).quarantined.isEmpty)

        let mended = try bench.open()
        let again = try await mended.recover()
        #expect(again.answers == [answer("ch2", 2), answer("ch1", 1)])
        #expect(again.quarantined.count == 1)
        #expect(mended.standing().openEntries == 2)
        #expect(mended.standing().quarantinedEntries == 1)
        mended.noteDone(again.answers.map(\.key))
        await mended.close()
        #expect(try await bench.recovery().answers.isEmpty)
    }

    @Test func `an answer that another key of that id sealed is set aside for good`() async throws {
        func ring(_ byte: UInt8) throws -> KeyRing {
            try KeyRing(parsing: Secret("k:" + Data(repeating: byte, count: 32).base64EncodedString()))
        }
        let journal = try bench.open(ring: ring(1))
        _ = try await journal.recover()
        try await journal.keep(answer())
        await journal.close()
        let recovery = try await bench.recovery(ring: ring(2))
        #expect(recovery.answers.isEmpty)
        #expect(recovery.quarantined.count == 1)
        #expect(try await bench.recovery(ring: ring(2)).quarantined.isEmpty)
        let names = try FileManager.default.contentsOfDirectory(atPath: bench.path + "/quarantine")
        #expect(names.sorted() == ["1-0.unreadable", "1-0.unreadable.txt"])
    }

    @Test func `a refused entry is set aside once`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        try await journal.keep(answer("a", 1))
        try await journal.keep(answer("b", 2))
        await journal.quarantine(key("a", 1), because: "The row is refused.")
        await journal.quarantine(key("a", 1), because: "The row is refused.")
        await journal.quarantine(key("none", 1), because: "The row is refused.")
        #expect(journal.standing().quarantinedEntries == 1)
        await journal.close()
        let recovery = try await bench.recovery()
        #expect(recovery.answers.map(\.key) == [key("b", 2)])
    }
}
