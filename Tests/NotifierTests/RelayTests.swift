import Domain
import FoundationEssentials
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(3))) struct RelayTests {
    @Test func `all events are expanded, over failures, and the dispatcher is woken`() async throws {
        let store = MemoryQueue(events: 1050, failures: 2)
        let dispatcher = WakeSignal()
        let log = LogText()
        let relay = Relay(
            store: store, settings: NotifierSettings(poll: .milliseconds(1)), dispatcher: dispatcher,
            heartbeats: Heartbeats(), logger: log.logger)
        try await running(relay.run) {
            await store.waitForEvents()
            await dispatcher.next()
        }
        #expect(await store.pendingEvents == 0)
        #expect(log.text.contains("relay.failed"))
    }

    @Test func `what follows events waits for no poll`() async throws {
        let store = MemoryQueue(events: 1)
        let relay = Relay(
            store: store, settings: NotifierSettings(poll: .seconds(3600)), heartbeats: Heartbeats(),
            logger: LogText().logger)
        try await running(relay.run) {
            await store.waitForEvents()
            await store.add(events: 1)
            await store.waitForEvents()
        }
        #expect(await store.turns == [1, 1])
    }

    @Test func `events wait for no poll while somebody else has the turn`() async throws {
        let store = MemoryQueue(events: 1050, turnsElsewhere: 3)
        let relay = Relay(
            store: store, settings: NotifierSettings(poll: .seconds(3600)), heartbeats: Heartbeats(),
            logger: LogText().logger)
        try await running(relay.run) { await store.waitForEvents() }
        #expect(await store.pendingEvents == 0)
    }
}

@Suite struct RelayMessageTests {
    private func claimed(_ incidents: [IncidentFacts], kind: MessageKind = .opened, total: Int? = nil)
        -> ClaimedDelivery
    {
        ClaimedDelivery(
            claim: DeliveryClaim(deliveryID: "m", claimID: UUID()), destinationID: "d", destinationName: "D",
            kind: .webhook, recipient: "", configuration: .failure(.unreadable), messageKind: kind,
            messageType: kind == .recovered ? .channelRecovered : .channelReauthorizationRequired, tries: 1,
            queuedAt: Sample.date, content: nil, incidents: incidents, total: total ?? incidents.count, rootIncident: 1,
            lease: .seconds(45))
    }

    @Test func `one message carries many incidents, each with its link`() throws {
        let links = MessageLinks { channel, incident in "https://t.example/\(channel)/\(incident)" }
        let message = try #require(
            RelayMessage(claimed((1...100).map { Sample.facts($0) }, total: 1000), links: links))
        #expect(message.total == 1000)
        #expect(message.channels.count == 100)
        #expect(message.channels[4].link == "https://t.example/ch_5/5")
        #expect(message.link == "https://t.example/ch_1/1")
        #expect(message.deadline == Sample.date.addingTimeInterval(1))
        #expect(message.provider == "tiktok")
        #expect(message.severity == .critical)
    }

    @Test func `an app that is not set up is told apart from one that is refused`() throws {
        var app = Sample.facts(1, reason: "app_rejected")
        app.cause.kind = .app
        app.code = "invalid_client"
        #expect(try #require(RelayMessage(claimed([app]), links: .none)).reason == "app_rejected")
        app.code = "app_missing"
        #expect(try #require(RelayMessage(claimed([app]), links: .none)).reason == "app_missing")
        #expect(try #require(RelayMessage(claimed([app], kind: .recovered), links: .none)).reason == "app_missing")
    }

    @Test func `two incidents of a channel are one line`() throws {
        var second = Sample.facts(2, reason: "refresh_failing")
        second.cause.id = "ch_1"
        let message = try #require(RelayMessage(claimed([Sample.facts(1), second], total: 1), links: .none))
        #expect(message.channels.map(\.id) == ["ch_1"])
        #expect(message.total == 1)
    }

    @Test func `the end of an incident asks for nothing`() throws {
        let message = try #require(
            RelayMessage(claimed([Sample.facts(1)], kind: .recovered), links: MessageLinks { _, _ in "https://x" }))
        #expect(message.severity == .info)
        #expect(message.link == nil)
        #expect(message.deadline == nil)
        #expect(message.channels[0].link == nil)
        #expect(RelayMessage(claimed([]), links: .none) == nil)
    }

    @Test func `an app's message counts the channels that wait`() throws {
        var facts = Sample.facts(1)
        facts.cause = IncidentCause(kind: .app, id: "tiktok", reason: "app_rejected")
        facts.channels = 40
        var delivery = claimed([facts])
        delivery.messageType = .appRejected
        let message = try #require(
            RelayMessage(delivery, links: MessageLinks(overview: "https://t.example") { _, _ in nil }))
        #expect(message.total == 40)
        #expect(message.link == "https://t.example")
        #expect(
            try Sample.texts().words(message, at: Sample.date).title == "tiktok refuses the app: 40 channels wait")
    }
}

@Suite struct RelayRulesTests {
    private let now = Sample.date

    @Test func `a dead grant is told after the group wait`() {
        let cause = IncidentCause(kind: .channel, id: "c", reason: "reauthorization_required")
        let tell = RelayRules().tellAt(
            cause, provider: "tiktok", at: now, now: now, accessIssuedAt: nil, accessExpiresAt: nil)
        #expect(tell == now.addingTimeInterval(30))
    }

    @Test(
        arguments: [
            (nil, 3600.0), (7200.0 * 24, 3600), (4000.0, 2500), (100.0, 30), (-50.0, 30),
        ] as [(Double?, Double)])
    func `a failing refresh is told after an hour or near the token's end`(_ left: Double?, _ expected: Double) {
        let rules = RelayRules { _ in .seconds(6000) }
        let cause = IncidentCause(kind: .channel, id: "c", reason: "refresh_failing")
        let tell = rules.tellAt(
            cause, provider: "amocrm", at: now, now: now, accessIssuedAt: nil,
            accessExpiresAt: left.map { now.addingTimeInterval($0) })
        #expect(tell == now.addingTimeInterval(expected))
    }
}

@Suite struct DeliveryScheduleTests {
    @Test(arguments: [(1, 0.0, 4.0), (1, 0.5, 5.0), (1, 1.0, 6.0), (2, 0.5, 30.0), (13, 0.5, 43200.0)])
    func `delays are the schedule's, give or take a fifth`(_ tries: Int, _ random: Double, _ seconds: Double) throws {
        let delay = try #require(DeliverySchedule().delay(tries: tries, random: random))
        #expect(abs(delay.seconds - seconds) < 0.001)
    }

    @Test func `after the last delay there is no further try`() {
        #expect(DeliverySchedule().delay(tries: 14, random: 0) == nil)
        #expect(DeliverySchedule(delays: []).delay(tries: 1, random: 0) == nil)
        #expect(DeliverySchedule().delay(tries: 1, random: 0.5, floor: .seconds(300)) == .seconds(300))
    }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777.0), ("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800.0),
    ])
    func `HTTP dates are read and mail dates written`(_ text: String, _ seconds: Double) {
        let date = Date(timeIntervalSince1970: seconds)
        #expect(CivilTime.httpDate(text) == date)
        #expect(CivilTime(date).mailDate.hasPrefix(text.prefix(5)))
    }

    @Test(arguments: ["", "Sun", "Sun, 99 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "x x x x x x x x"])
    func `other dates are not read`(_ text: String) {
        #expect(CivilTime.httpDate(text) == nil)
    }
}

@Suite(.timeLimit(.minutes(3))) struct CadenceTests {
    @Test func `what is due is told over failures, and the dispatcher is woken`() async throws {
        let store = MemoryQueue(failures: 2)
        await store.make(due: 1200)
        let dispatcher = WakeSignal()
        let log = LogText()
        let cadence = Cadence(
            store: store, settings: NotifierSettings(poll: .milliseconds(1)), dispatcher: dispatcher,
            heartbeats: Heartbeats(), logger: log.logger)
        try await running(cadence.run) { await dispatcher.next() }
        #expect(log.text.contains("cadence.failed"))
    }

    @Test(arguments: [true, false])
    func `deadlines are not watched while the clocks are in doubt`(_ isInDoubt: Bool) async throws {
        let store = MemoryQueue(events: 0)
        await store.make(due: 1)
        let dispatcher = WakeSignal()
        let cadence = Cadence(
            store: store, settings: NotifierSettings(poll: .milliseconds(1), isClockInDoubt: { isInDoubt }),
            dispatcher: dispatcher, heartbeats: Heartbeats(), logger: LogText().logger)
        try await running(cadence.run) { await dispatcher.next() }
        #expect(await store.watches == (isInDoubt ? 0 : 1))
    }
}
