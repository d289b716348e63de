import Domain
import FoundationEssentials
import Journal
import Sealing
import Testing

@Suite("Journal")
struct FileJournalTests {
    private let bench = Workbench()

    @Test func `an answer comes back whole`() async throws {
        var kept = answer("ch", 5, body: (0..<999).map { UInt8(truncatingIfNeeded: $0) })
        kept.isCut = true
        kept.isOverLong = true
        kept.presented.accessToken = nil
        let journal = try bench.open()
        #expect(try await journal.recover() == JournalRecovery())
        try await journal.keep(kept)
        #expect(
            journal.standing()
                == JournalStanding(openEntries: 1, retainedEntries: 0, quarantinedEntries: 0, failure: nil))
        await journal.close()
        #expect(try await bench.recovery().answers == [kept])
    }

    @Test func `a body beyond the limit is cut and marked`() async throws {
        let configuration = JournalConfiguration(segmentBytes: 4 << 20, reservationsReady: 2, sparesMax: 1)
        let journal = try bench.open(configuration: configuration)
        _ = try await journal.recover()
        try await journal.keep(answer(body: [UInt8](repeating: 7, count: (1 << 20) + 1)))
        await journal.close()
        let found = try #require(try await bench.recovery().answers.first)
        #expect(found.body.count == 1 << 20)
        #expect(found.isOverLong)
    }

    @Test func `settled answers do not come back`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        for attempt in 1...4 { try await journal.keep(answer("ch\(attempt)", Int64(attempt))) }
        journal.noteDone([key("ch1", 1), key("ch3", 3)])
        journal.noteDone([key("ch1", 1), key("unknown", 9)])
        await journal.flush()
        #expect(journal.standing().openEntries == 2)
        #expect(journal.standing().retainedEntries == 2)
        await journal.close()
        #expect(try await bench.recovery().answers.map(\.key) == [key("ch4", 4), key("ch2", 2)])
    }

    @Test func `claims without answer or end come back`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        journal.noteClaims((1...500).map { key("channel-\($0)", $0) })
        try await journal.keep(answer("channel-7", 7))
        journal.noteDone((8...500).map { key("channel-\($0)", $0) })
        await journal.close()
        let recovery = try await bench.recovery()
        #expect(recovery.claims == [6, 5, 4, 3, 2, 1].map { key("channel-\($0)", $0) })
        #expect(recovery.answers.map(\.key) == [key("channel-7", 7)])
    }

    @Test func `the newest attempt of a channel comes first, whatever the order of writing`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        for (channel, attempt) in [("b", Int64(3)), ("a", 9), ("b", 8), ("a", 2)] {
            try await journal.keep(answer(channel, attempt))
        }
        await journal.close()
        #expect(try await bench.recovery().answers.map(\.key.attempt) == [9, 8, 3, 2])
    }

    @Test func `a killed process leaves every acknowledged answer and noted claim`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        var kept: [ClaimKey] = []
        for attempt in 1...100 {
            try await journal.keep(answer("ch", Int64(attempt)))
            kept.append(key("ch", Int64(attempt)))
            guard attempt % 25 == 0 else { continue }
            let recovery = try await bench.recovery(of: bench.killed())
            #expect(recovery.answers.map(\.key) == kept.reversed())
            #expect(recovery.quarantined.isEmpty)
        }
        journal.noteClaims([key("next", 101)])
        await journal.flush()
        #expect(try await bench.recovery(of: bench.killed()).claims == [key("next", 101)])
        await journal.close()
    }

    @Test func `a journal that is dropped ends its thread and frees its directory`() async throws {
        func drop() async throws {
            let journal = try bench.open()
            _ = try await journal.recover()
            try await journal.keep(answer("ch", 1))
        }
        try await drop()
        var next: FileJournal?
        for _ in 0..<1_000_000 where next == nil {
            next = try? bench.open()
            if next == nil { await Task.yield() }
        }
        let journal = try #require(next)
        #expect(try await journal.recover().answers == [answer("ch", 1)])
        await journal.close()
    }

    @Test func `settling again and again equals settling once`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        for attempt in 1...3 { try await journal.keep(answer("ch\(attempt)", Int64(attempt))) }
        await journal.close()
        let first = try await bench.recovery()
        let second = try await bench.recovery()
        #expect(first == second)

        let settling = try bench.open()
        let third = try await settling.recover()
        #expect(third == first)
        #expect(try await settling.recover() == JournalRecovery())
        settling.noteDone(third.answers.map(\.key))
        settling.noteDone(third.answers.map(\.key))
        await settling.close()
        #expect(try await bench.recovery() == JournalRecovery())
    }

    @Test func `no byte on the disk shows a token`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        try await journal.keep(answer("a", 1, body: Array(#"{"access_token":"body-canary"}"#.utf8)))
        try await journal.keep(answer("b", 2))
        await journal.quarantine(key("a", 1), because: "refused")
        await journal.flush()
        var files = 0
        for name in try FileManager.default.subpathsOfDirectory(atPath: bench.path) {
            guard let data = FileManager.default.contents(atPath: "\(bench.path)/\(name)") else { continue }
            files += 1
            #expect(!String(decoding: data, as: UTF8.self).contains("canary"), "\(name)")
        }
        #expect(files >= 4)
        await journal.close()
    }

    @Test func `a closed journal takes nothing`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        let reservation = try journal.reserve()
        await journal.close()
        await journal.close()
        await #expect(throws: JournalError.self) { try await journal.append(answer(), using: reservation) }
        #expect(throws: JournalError.self) { try journal.reserve() }
        #expect(await journal.retainedAnswers() == [])
        #expect(try bench.segments().isEmpty)
    }

    @Test func `files are for their owner alone`() async throws {
        let journal = try bench.open()
        _ = try await journal.recover()
        try await journal.keep(answer())
        await journal.quarantine(answer().key, because: "refused")
        for name in try FileManager.default.subpathsOfDirectory(atPath: bench.path) + [""] {
            let path = "\(bench.path)/\(name)"
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            let isDirectory = attributes[.type] as? FileAttributeType == .typeDirectory
            // The value's type depends on which Foundation is linked.
            let permissions = try #require(attributes[.posixPermissions])
            #expect(Int("\(permissions)") == (isDirectory ? 0o700 : 0o600), "\(name)")
        }
        await journal.close()
    }
}

extension JournalRecovery: Equatable {
    static func == (left: JournalRecovery, right: JournalRecovery) -> Bool {
        left.answers == right.answers && left.claims == right.claims && left.quarantined == right.quarantined
    }
}
