import Domain
import FoundationEssentials
import Testing

@Suite("Routing") struct RoutingTests {
    private func destination(
        _ id: String, tenant: String? = nil, isDefault: Bool = false, _ match: DestinationMatch = DestinationMatch()
    ) -> DestinationSummary {
        DestinationSummary(
            id: id, tenantID: tenant, name: id, kind: .webhook, isDefault: isDefault, match: match, recipients: [],
            parkedUntil: nil, fault: nil, createdAt: Date(timeIntervalSince1970: 0))
    }

    private var destinations: [DestinationSummary] {
        [
            destination("default", isDefault: true), destination("acme", tenant: "acme"),
            destination("other", tenant: "other"),
            destination("critical tiktok", DestinationMatch(providers: ["tiktok"], minimumSeverity: .critical)),
            destination("apps", DestinationMatch(types: ["app.rejected"])),
            destination("night", isDefault: true, DestinationMatch(tenants: ["third"], minimumSeverity: .critical)),
        ]
    }

    private func told(_ tenant: String?, _ provider: String?, _ type: MessageType, _ severity: Severity) -> [String] {
        Routing.told(
            RoutedNews(tenantID: tenant, provider: provider, type: type, severity: severity), among: destinations
        ).map(\.id)
    }

    @Test func `incidents go where they match, else to the defaults, and never to another tenant`() {
        #expect(told("acme", "tiktok", .channelReauthorizationRequired, .critical) == ["acme", "critical tiktok"])
        #expect(told("third", "tiktok", .channelRefreshFailing, .warning) == ["default", "night"])
        #expect(told(nil, "amocrm", .appRejected, .critical) == ["apps"])
        #expect(told("third", "amocrm", .channelReauthorizationRequired, .critical) == ["night"])
        #expect(told("fourth", "amocrm", .channelReauthorizationRequired, .critical) == ["default", "night"])
    }

    @Test func `each choice has its reason`() {
        let choices = Routing.choices(
            RoutedNews(tenantID: "acme", provider: "amocrm", type: .channelRefreshFailing, severity: .warning),
            among: destinations)
        #expect(choices == [.notNeeded, .matched, .otherTenant, .provider, .type, .tenant])
    }

    @Test func `a destination is not told of itself`() {
        let news = RoutedNews(
            tenantID: nil, provider: nil, type: .destinationDegraded, severity: .critical, subject: "a")
        let two = [destination("a", isDefault: true), destination("b", isDefault: true)]
        #expect(Routing.choices(news, among: two) == [.itself, .fallback])
        #expect(Routing.told(news, among: [two[0]]).isEmpty)
    }
}

@Suite("Cadence rules") struct CadenceRulesTests {
    private let now = Date(timeIntervalSince1970: 1_780_000_000)
    private let dead = IncidentCause(kind: .channel, id: "c", reason: "reauthorization_required")
    private let expiring = IncidentCause(kind: .channel, id: "c", reason: IncidentCause.expiring)

    private func hours(
        _ cause: IncidentCause, previous: Double = 0, deadline: Double?, every: Duration = .seconds(86400)
    ) -> Double {
        RelayRules(remindEvery: every).nextReminder(
            of: cause, after: now.addingTimeInterval(previous * 3600), now: now,
            deadline: deadline.map { now.addingTimeInterval($0 * 3600) }
        ).timeIntervalSince(now) / 3600
    }

    @Test(
        arguments: [
            (0, nil, 24), (-72, nil, 24), (0.5, nil, 24.5), (0, 100, 24), (0, 30, 6), (0, 26, 4), (0, 24, 4), (0, 3, 4),
            (0, -5, 24),
        ] as [(Double, Double?, Double)])
    func `reminders come daily, and every four hours on the last day`(
        _ previous: Double, _ deadline: Double?, _ expected: Double
    ) {
        #expect(hours(dead, previous: previous, deadline: deadline) == expected)
    }

    @Test func `a shorter period stays short on the last day`() {
        #expect(hours(dead, deadline: 10, every: .seconds(3600)) == 1)
    }

    @Test(arguments: [(30.0, 16.0), (14, 7), (13, 6), (7, 4), (3, 2), (2, 1)])
    func `a grant's end is told 30, 14, 7, 3 and 1 days before`(_ left: Double, _ next: Double) {
        #expect(hours(expiring, deadline: left * 24) == next * 24)
    }

    @Test(arguments: [(0, 30.0), (1, 600), (3, 1800), (60, 3600)])
    func `the more it flaps, the longer its end waits`(_ flaps: Int, _ seconds: Double) {
        #expect(RelayRules().closeWait(flaps: flaps) == .seconds(seconds))
    }

    @Test func `types follow from causes`() {
        #expect(MessageType.opening(expiring) == .channelExpiring)
        #expect(MessageType.closing(expiring) == .channelRecovered)
        let event = IncidentCause(kind: .platform, id: "e", reason: IncidentCause.platformEvent)
        #expect(MessageType.opening(event) == .platformEvent)
        let destination = IncidentCause(kind: .platform, id: "d", reason: IncidentCause.destinationDegraded)
        #expect(MessageType.closing(destination) == .destinationDegraded)
    }

    @Test func `a silence covers what meets all of it`() {
        let match = SilenceMatch(
            tenants: ["acme"], reasons: ["refresh_failing", "expiring"], maximumSeverity: .warning)
        func covers(_ cause: IncidentCause, _ severity: Severity, tenant: String? = "acme") -> Bool {
            match.covers(incident: 1, cause: cause, severity: severity, provider: "p", tenantID: tenant)
        }
        #expect(covers(expiring, .warning))
        #expect(!covers(expiring, .critical))
        #expect(!covers(dead, .warning))
        #expect(!covers(expiring, .warning, tenant: nil))
        #expect(SilenceMatch().isEmpty)
        #expect(!SilenceMatch(incident: 3).isEmpty)
    }
}
