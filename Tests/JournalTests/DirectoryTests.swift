import Domain
import FoundationEssentials
import Journal
import Testing

@Suite("Journal directories")
struct DirectoryTests {
    private let bench = Workbench()

    @Test func `a directory has one holder`() async throws {
        let journal = try bench.open()
        #expect(throws: JournalError.locked(bench.path)) { try bench.open() }
        await journal.close()
        let next = try bench.open()
        #expect(next.id == journal.id)
        await next.close()
    }

    @Test func `local processes take one directory each`() async throws {
        let first = try FileJournal.claimDirectory(under: bench.root)
        let second = try FileJournal.claimDirectory(under: bench.root)
        #expect(first.path == bench.root + "/journal-0")
        #expect(second.path == bench.root + "/journal-1")
        #expect(first.id != second.id)
        let journal = try FileJournal(directory: second, ring: bench.ring, configuration: Workbench.small)
        _ = try await journal.recover()
        try await journal.keep(answer())
        #expect(journal.path == second.path)
        await journal.close()
    }

    @Test func `what an ended process left in a directory of its own is settled by another`() async throws {
        func journal(_ directory: JournalDirectory) throws -> FileJournal {
            try FileJournal(directory: directory, ring: bench.ring, configuration: Workbench.small)
        }
        var first: JournalDirectory? = try FileJournal.claimDirectory(under: bench.root)
        let ended = try journal(FileJournal.claimDirectory(under: bench.root))
        _ = try await ended.recover()
        try await ended.keep(answer("a", 1))
        try await ended.keep(answer("b", 2))
        ended.noteDone([key("a", 1)])
        await ended.quarantine(key("b", 2), because: "refused")
        try await ended.keep(answer("c", 3))
        await ended.close()
        let alive = try journal(FileJournal.claimDirectory(under: bench.root))
        #expect(alive.path == ended.path)
        await alive.close()
        #expect(first?.path == bench.root + "/journal-0")
        first = nil

        let next = try journal(FileJournal.claimDirectory(under: bench.root))
        #expect(next.path == bench.root + "/journal-0")
        #expect(next.adopted == [ended.id])
        #expect(try await next.recover().answers.map(\.key) == [key("c", 3)])
        #expect(next.standing().quarantinedEntries == 1)
        await next.close()
        #expect(try bench.segments(in: ended.path).isEmpty)
    }

    @Test func `the directory of a living process is left alone`() async throws {
        let living = try FileJournal(
            directory: FileJournal.claimDirectory(under: bench.root), ring: bench.ring,
            configuration: Workbench.small)
        _ = try await living.recover()
        try await living.keep(answer())
        let other = try FileJournal(
            directory: FileJournal.claimDirectory(under: bench.root), ring: bench.ring,
            configuration: Workbench.small)
        #expect(other.adopted.isEmpty)
        #expect(try await other.recover() == JournalRecovery())
        await other.close()
        await living.close()
    }
}
