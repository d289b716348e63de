import Domain
import FoundationEssentials
import TestSupport
import Testing

@testable import Notifier

@Suite("Messages claimed as they are made", .timeLimit(.minutes(3))) struct EarlyDepartureTests {
    private static let settings = NotifierSettings(
        poll: .milliseconds(1), inFlightMax: 8, rules: RelayRules(groupWait: .zero))

    private func row(_ id: String) -> MemoryQueue.Row {
        var row = MemoryQueue.Row(
            id: id, destination: "one",
            configuration: .success(.webhook(url: Secret("https://one.example/"), secret: Sample.webhookSecret)))
        row.isEarly = true
        return row
    }

    private func dispatcher(_ store: MemoryQueue, _ http: ScriptedHTTP) throws -> Dispatcher {
        Dispatcher(
            store: store, transports: try Sample.transports(http: http, mail: FakeMail()), links: .none,
            settings: Self.settings, heartbeats: Heartbeats(), metrics: Metrics(), logger: LogText().logger)
    }

    private func relay(_ store: MemoryQueue, _ departures: Departures?) -> Relay {
        Relay(
            store: store, settings: Self.settings, departures: departures, heartbeats: Heartbeats(),
            logger: LogText().logger)
    }

    @Test func `they are sent, however many more there are than room`() async throws {
        let store = MemoryQueue(rows: (0..<40).map { row("m\($0)") }, events: 40)
        let http = ScriptedHTTP(status: 200)
        let dispatcher = try dispatcher(store, http)
        let relay = relay(store, dispatcher.early)
        try await running(dispatcher.run) {
            try await running(relay.run) { await store.wait(for: .sent, count: 40) }
        }
        #expect(http.requests.count == 40)
        #expect(await store.releases == 0)
    }

    @Test func `of a backlog the first are not kept waiting for the last`() async throws {
        let store = MemoryQueue(events: 128 + 256 + 256 + 1)
        let dispatcher = try dispatcher(store, ScriptedHTTP(status: 200))
        let settings = NotifierSettings(poll: .milliseconds(1), rules: RelayRules(groupWait: .zero))
        let relay = Relay(
            store: store, settings: settings, departures: dispatcher.early, heartbeats: Heartbeats(),
            logger: LogText().logger)
        try await running(relay.run) { await store.waitForEvents() }
        #expect(await store.turns == [128, 256, 256, 1])
    }

    @Test func `with a group wait nothing is claimed so`() async throws {
        let store = MemoryQueue(rows: [row("a")], events: 1)
        let dispatcher = try dispatcher(store, ScriptedHTTP(status: 200))
        let relay = Relay(
            store: store, settings: NotifierSettings(poll: .milliseconds(1)), departures: dispatcher.early,
            heartbeats: Heartbeats(), logger: LogText().logger)
        try await running(relay.run) { await store.waitForEvents() }
        #expect(await store.rows.map(\.state) == [.pending])
    }

    @Test func `what comes after the dispatcher has ended goes back`() async throws {
        let store = MemoryQueue(rows: [row("a")], events: 1)
        let dispatcher = try dispatcher(store, ScriptedHTTP(status: 200))
        let departures = try #require(dispatcher.early)
        // The claim is under way while the dispatcher ends.
        let terms = try #require(departures.terms(atMost: 1))
        try await running(dispatcher.run) {}
        let expanded = try await store.expandEvents(limit: 1, rules: RelayRules(groupWait: .zero), claiming: terms)
        #expect(expanded.claimed.deliveries.count == 1)
        #expect(!departures.enter(expanded.claimed))
        #expect(departures.terms(atMost: 1) == nil)
    }

    @Test func `a relay whose dispatcher has ended gives its claims back`() async throws {
        let store = MemoryQueue(rows: [row("a"), row("b")], events: 2)
        let dispatcher = try dispatcher(store, ScriptedHTTP(status: 200))
        let departures = try #require(dispatcher.early)
        let relay = relay(store, departures)
        await store.onExpand { departures.close() }
        try await running(relay.run) {
            await store.waitForEvents()
            await store.wait(for: .pending, count: 2)
        }
        #expect(await store.releases == 2)
        #expect(await store.rows.map(\.tries) == [0, 0])
    }
}

@Suite("A backlog and its transfers", .timeLimit(.minutes(1))) struct SettlingTests {
    private let clock = ManualClock()

    private func departures(onTheirWay count: Int) throws -> Departures {
        let departures = Departures(
            room: 10,
            limits: DeliveryLimits(
                lease: { _ in .seconds(45) }, perDestination: { _, _ in 10 }, pace: { _ in nil }),
            wake: WakeSignal()
        ) { _ in nil }
        #expect(try #require(departures.terms(atMost: count)).limit == count)
        return departures
    }

    @Test func `the backlog goes on when enough of them are over`() async throws {
        let departures = try departures(onTheirWay: 5)
        async let settled: Void = departures.settle(to: 3, within: .milliseconds(20), clock: clock)
        await clock.waitForSleepers()
        departures.end(isDue: false)
        departures.end(isDue: false)
        await settled
    }

    @Test func `it waits for nothing while few are on their way`() async throws {
        try await departures(onTheirWay: 3).settle(to: 3, within: .milliseconds(20), clock: clock)
    }

    @Test func `a destination that hangs holds it up no longer than the limit`() async throws {
        let departures = try departures(onTheirWay: 5)
        async let settled: Void = departures.settle(to: 3, within: .milliseconds(20), clock: clock)
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(20))
        await settled
    }
}

@Suite("Transfers to one destination") struct TurnstileTests {
    @Test func `no more than the limit are inside, the others come in order`() async {
        let turnstile = Turnstile(limit: 2)
        #expect(await turnstile.enter("a"))
        #expect(await turnstile.enter("a"))
        #expect(await turnstile.enter("b"))
        async let third = turnstile.enter("a")
        await turnstile.waits(1, at: "a")
        async let fourth = turnstile.enter("a")
        await turnstile.waits(2, at: "a")
        turnstile.leave("a", failed: false)
        #expect(await third)
        await turnstile.waits(1, at: "a")
        turnstile.leave("a", failed: false)
        #expect(await fourth)
    }

    @Test func `a failure turns back who waits, and nobody who comes later`() async {
        let turnstile = Turnstile(limit: 1)
        #expect(await turnstile.enter("a"))
        async let waiting = turnstile.enter("a")
        await turnstile.waits(1, at: "a")
        turnstile.leave("a", failed: true)
        #expect(await !waiting)
        #expect(await turnstile.enter("a"))
    }
}

extension Turnstile {
    /// Returns when so many wait.
    fileprivate func waits(_ count: Int, at destination: String) async {
        while waiting(at: destination) < count { await Task.yield() }
    }
}
