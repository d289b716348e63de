import Domain
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(3))) struct DispatcherTests {
    private func row(_ id: String, _ destination: String, _ configuration: DestinationConfiguration? = nil)
        -> MemoryQueue.Row
    {
        MemoryQueue.Row(
            id: id, destination: destination,
            configuration: .success(
                configuration ?? .webhook(url: Secret("https://\(destination).example/"), secret: Sample.webhookSecret))
        )
    }

    private func dispatcher(
        _ store: any RelayStore, http: any HTTPSending, mail: any MailSending = FakeMail(), log: LogText = LogText(),
        metrics: Metrics = Metrics(), delays: [Duration] = [.milliseconds(1), .milliseconds(1)],
        poll: Duration = .milliseconds(2), clock: any LocalClock = SystemClock()
    ) throws -> Dispatcher {
        Dispatcher(
            store: store, transports: try Sample.transports(http: http, mail: mail), links: .none,
            settings: NotifierSettings(
                schedule: DeliverySchedule(delays: delays), poll: poll, inFlightMax: 8),
            clock: clock, heartbeats: Heartbeats(), metrics: metrics, logger: log.logger, random: { 0.5 })
    }

    @Test func `deliveries are sent, counted and logged by id`() async throws {
        let store = MemoryQueue(rows: [row("a", "one"), row("b", "two")])
        let log = LogText()
        let metrics = Metrics()
        let dispatcher = try dispatcher(store, http: ScriptedHTTP(status: 200), log: log, metrics: metrics)
        try await running(dispatcher.run) { await store.wait(for: .sent, count: 2) }
        #expect(
            metrics.value("tokenward_deliveries_total", [("transport", "webhook"), ("outcome", "sent")]) == 2)
        #expect(log.text.contains("delivery.sent"))
    }

    @Test func `what a claim leaves for want of room waits for an end, not for the poll`() async throws {
        let store = MemoryQueue(rows: (0..<20).map { row("m\($0)", $0.isMultiple(of: 2) ? "one" : "two") })
        let dispatcher = try dispatcher(store, http: ScriptedHTTP(status: 200), poll: .seconds(3600))
        try await running(dispatcher.run) { await store.wait(for: .sent, count: 20) }
        #expect(await store.releases == 0)
    }

    @Test func `a failure is tried again with the same bytes, then it is dead`() async throws {
        let store = MemoryQueue(rows: [row("a", "one")])
        let http = ScriptedHTTP(status: 500, body: "no")
        let dispatcher = try dispatcher(store, http: http)
        try await running(dispatcher.run) { await store.wait(for: .dead, count: 1) }
        let sent = await store.rows[0]
        #expect(sent.reports.map(\.end) == [.retry(after: .milliseconds(1)), .retry(after: .milliseconds(1)), .dead])
        #expect(sent.maybeArrived)
        #expect(http.requests.count == 3)
        #expect(Set(http.requests.map(\.body)).count == 1)
        #expect(
            http.requests.allSatisfy { $0.headers.first { $0.name == "webhook-id" }?.value == "a" })
    }

    @Test func `a destination that hangs delays nobody else`() async throws {
        let hang = TestSignal()
        let http = ScriptedHTTP { request in
            if request.url.reveal().contains("slow") { try? await hang.wait() }
            return .answered(IncomingResponse(status: 200))
        }
        let slow = (0..<20).map { row("slow\($0)", "slow") }
        let store = MemoryQueue(rows: slow + (0..<50).map { row("fast\($0)", "fast") }, perDestination: 2)
        let dispatcher = try dispatcher(store, http: http)
        let sent = try await running(dispatcher.run) {
            await store.wait(for: .sent, count: 50)
            return await store.rows.filter { $0.state == .sent }.map(\.destination)
        }
        #expect(sent == Array(repeating: "fast", count: 50))
    }

    @Test func `a crash between send and finish sends the same again`() async throws {
        let store = MemoryQueue(rows: [row("a", "one")])
        let arrived = TestSignal()
        let never = TestSignal()
        let crashing = ScriptedHTTP { _ in
            arrived.send()
            try? await never.wait()
            return .lost(code: "killed", message: "")
        }
        // The first process ends while its request is under way; cancelled, it stores nothing of use.
        let first = MemoryQueueBehindCrash(queue: store)
        let dying = try dispatcher(first, http: crashing)
        try await running(dying.run) {
            try await arrived.wait()
            first.crash()
        }
        #expect(await store.rows[0].state == .sending)
        await store.expireLeases()
        let http = ScriptedHTTP(status: 200)
        let second = try dispatcher(store, http: http)
        try await running(second.run) { await store.wait(for: .sent, count: 1) }
        let id = { (request: OutgoingRequest) in request.headers.first { $0.name == "webhook-id" }?.value }
        #expect(crashing.requests.map(id) == http.requests.map(id))
        #expect(crashing.requests.map(\.body) == http.requests.map(\.body))
        #expect(await store.rows[0].tries == 2)
    }

    @Test func `too late in the lease nothing is sent and the claim goes back`() async throws {
        // The transport's limit and the reserve do not fit into this lease.
        let store = MemoryQueue(rows: [row("a", "one")], lease: .seconds(10))
        let http = ScriptedHTTP(status: 200)
        let dispatcher = try dispatcher(store, http: http)
        try await running(dispatcher.run) { await store.wait(for: .pending, count: 1) }
        #expect(http.requests.isEmpty)
    }

    @Test func `an outage of the database is waited out`() async throws {
        let store = MemoryQueue(rows: [row("a", "one")], failures: 3)
        let dispatcher = try dispatcher(store, http: ScriptedHTTP(status: 200))
        try await running(dispatcher.run) { await store.wait(for: .sent, count: 1) }
    }

    @Test func `a sealed destination without its key waits and a damaged one is dead`() async throws {
        var missing = row("a", "one")
        missing.configuration = .failure(.unknownKey(kid: "k2"))
        var damaged = row("b", "two")
        damaged.configuration = .failure(.unreadable)
        let store = MemoryQueue(rows: [missing, damaged])
        let dispatcher = try dispatcher(store, http: ScriptedHTTP(status: 200))
        try await running(dispatcher.run) {
            await store.wait(for: .dead, count: 1)
            await store.wait(for: .pending, count: 1)
        }
        let rows = await store.rows
        #expect(rows[1].reports.first?.degrades == true)
    }

    @Test func `no secret reaches the log`() async throws {
        let log = LogText()
        let echo = Sample.canaries.joined(separator: " ")
        let store = MemoryQueue(rows: Sample.configurations.enumerated().map { row("m\($0)", "d\($0)", $1) })
        let dispatcher = try dispatcher(
            store, http: ScriptedHTTP { .lost(code: "reset", message: $0.url.reveal() + echo) },
            mail: FakeMail { .lost(message: Sample.mailServer.reveal() + echo) }, log: log, delays: [])
        try await running(dispatcher.run) { await store.wait(for: .dead, count: Sample.configurations.count) }
        // What the delivery log keeps is what the reports say.
        for row in await store.rows {
            let kept = "\(row.reports) \(String(decoding: row.content ?? [], as: UTF8.self))"
            for canary in Sample.canaries(of: try row.configuration.get()) { #expect(!kept.contains(canary)) }
        }
        #expect(log.text.contains("delivery.failed"))
        for canary in Sample.canaries { #expect(!log.text.contains(canary)) }
        #expect(!log.text.contains("example/"))
    }
}

/// The queue as a process sees it that is killed at some point: what it writes afterwards is lost.
private final class MemoryQueueBehindCrash: RelayStore {
    private struct Gone: Error {}
    private let queue: MemoryQueue
    private let isGone = Atomic(false)

    init(queue: MemoryQueue) { self.queue = queue }

    func crash() { isGone.store(true, ordering: .sequentiallyConsistent) }

    private func check() throws {
        if isGone.load(ordering: .sequentiallyConsistent) { throw Gone() }
    }

    func expandEvents(limit: Int, rules: RelayRules, claiming terms: ClaimTerms?) async throws -> Expanded {
        try check()
        return try await queue.expandEvents(limit: limit, rules: rules, claiming: terms)
    }

    func keepCadence(limit: Int, rules: RelayRules) async throws -> Int { 0 }
    func watchDeadlines(rules: RelayRules) async throws -> Int { 0 }

    func claimDeliveries(_ terms: ClaimTerms, lane: DeliveryLane) async throws -> DeliveryBatch {
        try check()
        return try await queue.claimDeliveries(terms, lane: lane)
    }

    func finish(_ ends: [DeliveryEnd]) async throws -> Set<DeliveryClaim> {
        try check()
        return try await queue.finish(ends)
    }

    func release(_ claim: DeliveryClaim) async throws {
        try check()
        try await queue.release(claim)
    }

    func relayTotals() async throws -> RelayTotals { RelayTotals() }
}
