import Domain
import FoundationEssentials
import Logging
import Notifier
import Synchronization
import Templates
import TestSupport

extension ScriptedHTTP {
    /// Gives every request the same answer.
    convenience init(status: Int, headers: [HeaderField] = [], body: String = "") {
        self.init { _ in
            .answered(IncomingResponse(status: status, headers: headers, body: Array(body.utf8)))
        }
    }
}

final class FakeMail: MailSending {
    private let answer: @Sendable () -> MailEnd
    private let kept = Mutex<[OutgoingMail]>([])

    init(_ answer: @escaping @Sendable () -> MailEnd = { .accepted(code: 250) }) { self.answer = answer }

    var mails: [OutgoingMail] { kept.withLock { $0 } }

    func send(_ mail: OutgoingMail, through serverURL: Secret) async -> MailEnd {
        kept.withLock { $0.append(mail) }
        return answer()
    }
}

/// Everything logged, as one text.
final class LogText: Sendable {
    private let lines = Mutex<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(log: self) }
    }

    private func add(_ line: String) { lines.withLock { $0.append(line) } }

    private struct Handler: LogHandler {
        let log: LogText
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.add("\(event.level) \(event.message) \(event.metadata ?? [:])")
        }
    }
}

enum Sample {
    static let slackURL = Secret("https://hooks.slack.example/services/T000/B000/canarySlackPath123")
    static let webhookURL = Secret("https://receiver.example/in/canaryHookPath?key=canaryHookKey")
    static let webhookSecret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    static let mailServer = Secret("smtp://mailer:canary%40Password@mail.example:587")

    static let configurations: [DestinationConfiguration] = [
        .slackWebhook(url: slackURL), .webhook(url: webhookURL, secret: webhookSecret),
        .email(server: mailServer, sender: "Tokenward <alerts@tokenward.example>"),
        .slackBot(
            token: Secret("xoxb-canary-Bot-Token"), channel: "#alerts", signingSecret: Secret("canary-Signing-Secret")),
    ]

    /// What must never be seen outside the request itself.
    static let canaries = [
        "canarySlackPath123", "canaryHookPath", "canaryHookKey", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "canary%40Password",
        "canary@Password", "xoxb-canary-Bot-Token", "canary-Signing-Secret",
    ]

    static func canaries(of configuration: DestinationConfiguration) -> [String] {
        switch configuration {
        case .slackWebhook: ["canarySlackPath123", slackURL.reveal()]
        case .webhook: ["canaryHookPath", "canaryHookKey", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
        case .slackBot: ["xoxb-canary-Bot-Token", "canary-Signing-Secret"]
        case .email: ["canary%40Password", "canary@Password", mailServer.reveal()]
        }
    }

    static let date = Date(timeIntervalSince1970: 1_780_000_000)

    static func configuration(_ kind: DestinationKind) -> DestinationConfiguration {
        configurations.first { $0.kind == kind } ?? configurations[0]
    }

    static func channel(_ number: Int, name: String? = nil, link: String? = "https://t.example/reauthorize/x")
        -> RelayMessage.Channel
    {
        RelayMessage.Channel(
            id: "ch_\(number)", tenantID: "acme", userID: "u\(number)", displayName: name ?? "Bakery \(number)",
            provider: "tiktok", deadline: date.addingTimeInterval(86400), link: link)
    }

    static func message(
        _ kind: MessageKind = .opened, channels: [RelayMessage.Channel] = [channel(1)], total: Int? = nil,
        message: String? = "invalid_grant"
    ) -> RelayMessage {
        RelayMessage(
            kind: kind, type: kind == .recovered ? .channelRecovered : .channelReauthorizationRequired,
            severity: kind == .recovered ? .info : .critical, provider: "tiktok", reason: "reauthorization_required",
            message: message, link: channels.first?.link, deadline: date.addingTimeInterval(86400), since: date,
            channels: channels, total: total ?? channels.count)
    }

    static func envelope(
        _ kind: DestinationKind = .webhook, _ messageKind: MessageKind = .opened, tries: Int = 1
    ) -> Envelope {
        Envelope(
            deliveryID: "msg_1", recipient: kind == .email ? "admin@example.org" : "", rootIncident: 7, queuedAt: date,
            tries: tries, kind: messageKind, destinationID: "dst_1")
    }

    static let links = MessageLinks(
        overview: "https://t.example/status", mute: { "https://t.example/unsubscribe/\($0).\($1)" }
    ) { channel, incident in "https://t.example/reauthorize/\(incident).\(channel.rawValue)" }

    static func texts(_ language: String = "en") throws -> MessageTexts {
        MessageTexts(templates: try MessageTemplates.load(), language: language)
    }

    static func transports(http: any HTTPSending, mail: any MailSending = FakeMail()) throws -> Transports {
        Transports(http: http, mail: mail, templates: try MessageTemplates.load(), links: links, now: { date })
    }

    static func facts(_ number: Int64, reason: String = "reauthorization_required") -> IncidentFacts {
        IncidentFacts(
            id: number, cause: IncidentCause(kind: .channel, id: "ch_\(number)", reason: reason), severity: .critical,
            provider: "tiktok", tenantID: "acme", message: "invalid_grant", openedAt: date,
            deadline: date.addingTimeInterval(Double(number)), userID: nil, displayName: "Bakery \(number)", channels: 1
        )
    }
}

/// A queue in memory with the claims, leases and fences of the real one.
actor MemoryQueue: RelayStore {
    struct Row {
        var id: String
        var destination: String
        var configuration: Result<DestinationConfiguration, SealedCredentialFault>
        var state = DeliveryState.pending
        var claimID: UUID?
        var tries = 0
        var dueAt = ContinuousClock.now
        var content: [UInt8]?
        var reports: [DeliveryReport] = []
        var maybeArrived = false
        /// Claimed with the event that makes it.
        var isEarly = false
    }

    private(set) var rows: [Row]
    private var events: Int
    private(set) var releases = 0
    /// How many events each turn that had some was given.
    private(set) var turns: [Int] = []
    private var failures: Int
    /// Turns that somebody else has.
    private var turnsElsewhere: Int
    private var waiters: [(state: DeliveryState, count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    private let perDestination: Int
    private let leaseOf: Duration?

    init(
        rows: [Row] = [], events: Int = 0, failures: Int = 0, turnsElsewhere: Int = 0, perDestination: Int = 2,
        lease: Duration? = nil
    ) {
        self.turnsElsewhere = turnsElsewhere
        self.rows = rows
        self.events = events
        self.failures = failures
        self.perDestination = perDestination
        leaseOf = lease
    }

    var pendingEvents: Int { events }

    func add(events count: Int) { events += count }

    struct Unavailable: Error {}

    private func failSometimes() throws {
        guard failures > 0 else { return }
        failures -= 1
        throw Unavailable()
    }

    func expandEvents(limit: Int, rules: RelayRules, claiming terms: ClaimTerms?) async throws -> Expanded {
        try failSometimes()
        let sentAt = ContinuousClock.now
        guard turnsElsewhere == 0 else {
            turnsElsewhere -= 1
            return Expanded(
                events: 0, claimed: DeliveryBatch(deliveries: [], sentAt: sentAt), leavesMessages: false,
                remainder: .elsewhere)
        }
        let count = min(limit, events)
        events -= count
        if count > 0 { turns.append(count) }
        if events == 0 { wakeWaiters() }
        var claimed: [ClaimedDelivery] = []
        if let terms {
            for index in rows.indices where claimed.count < terms.limit {
                guard rows[index].isEarly, rows[index].state == .pending else { continue }
                claimed.append(claim(index, leaseOf ?? .seconds(45), terms.render))
            }
        }
        meanwhile()
        return Expanded(
            events: count, claimed: DeliveryBatch(deliveries: claimed, sentAt: sentAt),
            leavesMessages: claimed.count < count, remainder: events > 0 ? .some : .nothing)
    }

    private var meanwhile: @Sendable () -> Void = {}

    /// Called while an expansion is under way.
    func onExpand(_ body: @escaping @Sendable () -> Void) { meanwhile = body }

    /// Incidents whose time has come.
    private(set) var due = 0
    private(set) var watches = 0

    func make(due count: Int) { due = count }

    func keepCadence(limit: Int, rules: RelayRules) async throws -> Int {
        try failSometimes()
        let count = min(limit, due)
        due -= count
        if due == 0 { wakeWaiters() }
        return count
    }

    func watchDeadlines(rules: RelayRules) async throws -> Int {
        watches += 1
        wakeWaiters()
        return 0
    }

    /// All destinations are sound here.
    func claimDeliveries(_ terms: ClaimTerms, lane: DeliveryLane) async throws -> DeliveryBatch {
        let sentAt = ContinuousClock.now
        guard lane == .sound else { return DeliveryBatch(deliveries: [], sentAt: sentAt) }
        try failSometimes()
        var claimed: [ClaimedDelivery] = []
        for index in rows.indices where claimed.count < terms.limit && !rows[index].isEarly {
            let row = rows[index]
            let busy = rows.count { $0.destination == row.destination && $0.state == .sending }
            guard row.state == .pending, row.dueAt <= sentAt, busy < perDestination else { continue }
            let kind = (try? row.configuration.get().kind) ?? .webhook
            claimed.append(claim(index, leaseOf ?? terms.limits.lease(kind), terms.render))
        }
        let leavesDue = rows.contains { $0.state == .pending && $0.dueAt <= sentAt && !$0.isEarly }
        return DeliveryBatch(deliveries: claimed, sentAt: sentAt, leavesDue: leavesDue)
    }

    private func claim(_ index: Int, _ lease: Duration, _ render: ClaimTerms.Rendering) -> ClaimedDelivery {
        let row = rows[index]
        let claimID = UUID()
        let kind = (try? row.configuration.get().kind) ?? .webhook
        let delivery = ClaimedDelivery(
            claim: DeliveryClaim(deliveryID: row.id, claimID: claimID), destinationID: row.destination,
            destinationName: row.destination, kind: kind, recipient: kind == .email ? "admin@example.org" : "",
            configuration: row.configuration, messageKind: .opened, messageType: .channelReauthorizationRequired,
            tries: row.tries + 1, queuedAt: Sample.date, content: row.content,
            incidents: row.content == nil ? [Sample.facts(1)] : [], total: 1, rootIncident: 1, lease: lease
        ).rendered(by: render)
        rows[index].state = .sending
        rows[index].claimID = claimID
        rows[index].tries += 1
        rows[index].content = delivery.content
        return delivery
    }

    /// What PostgreSQL's clock does to a claim whose owner died.
    func expireLeases() {
        for index in rows.indices where rows[index].state == .sending {
            rows[index].state = .pending
            rows[index].claimID = nil
            rows[index].maybeArrived = true
        }
    }

    private func index(_ claim: DeliveryClaim) -> Int? {
        rows.firstIndex { $0.id == claim.deliveryID && $0.claimID == claim.claimID && $0.state == .sending }
    }

    func finish(_ ends: [DeliveryEnd]) async throws -> Set<DeliveryClaim> {
        try failSometimes()
        var held: Set<DeliveryClaim> = []
        for end in ends {
            guard let index = index(end.claim) else { continue }
            held.insert(end.claim)
            rows[index].reports.append(end.report)
            rows[index].claimID = nil
            rows[index].maybeArrived = rows[index].maybeArrived || end.report.maybeArrived
            switch end.report.end {
            case .sent: rows[index].state = .sent
            case .dead: rows[index].state = .dead
            case .retry(let after):
                rows[index].state = .pending
                rows[index].dueAt = .now + after
            }
        }
        wakeWaiters()
        return held
    }

    func release(_ claim: DeliveryClaim) async throws {
        guard let index = index(claim) else { return }
        rows[index].state = .pending
        rows[index].tries -= 1
        releases += 1
        wakeWaiters()
    }

    func relayTotals() async throws -> RelayTotals { RelayTotals() }

    /// Returns when so many rows are in a state.
    func wait(for state: DeliveryState, count: Int) async {
        if rows.count(where: { $0.state == state }) >= count { return }
        await withCheckedContinuation { waiters.append((state, count, $0)) }
    }

    /// Returns when every event is expanded.
    func waitForEvents() async {
        if events == 0 { return }
        await withCheckedContinuation { waiters.append((.pending, 0, $0)) }
    }

    private func wakeWaiters() {
        waiters.removeAll { waiter in
            let isDone = rows.count(where: { $0.state == waiter.state }) >= waiter.count
            if isDone { waiter.continuation.resume() }
            return isDone
        }
    }
}

/// Runs a service until the body returns.
func running<Value: Sendable>(
    _ run: @escaping @Sendable () async throws -> Void, _ body: @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await run() }
        let value = try await body()
        group.cancelAll()
        return value
    }
}
