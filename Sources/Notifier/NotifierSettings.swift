package import Domain

/// Settings of the relay (DESIGN §3.2).
package struct NotifierSettings: Sendable {
    /// `TOKENWARD_DELIVERY_RETRY_DELAYS`; after the last one a delivery is dead.
    package var schedule: DeliverySchedule
    /// `TOKENWARD_LANGUAGE`.
    package var language: String
    /// How long a loop sleeps when nothing wakes it.
    package var poll: Duration
    /// Deliveries on their way at once in this process.
    package var inFlightMax: Int
    /// Deliveries of one claim.
    package var claimMax: Int
    /// The same to destinations that did not take the last message.
    package var failingMax: Int
    /// Deliveries on their way at once to one destination, over all replicas; Slack: 1.
    package var perDestinationMax: Int
    /// The same to one webhook that has taken the last message; one that did not gets ``perDestinationMax``.
    package var webhookMax: Int
    /// Requests at once to one such webhook, in this process.
    package var webhookRequestsMax: Int
    /// The shortest time between two messages to one Slack webhook.
    package var slackPace: Duration
    package var rules: RelayRules
    /// How often grants are looked at that end soon.
    package var watchEvery: Duration
    /// While clocks are in doubt nobody is told of a deadline (PROTOCOL §10).
    package var isClockInDoubt: @Sendable () -> Bool

    package init(
        schedule: DeliverySchedule = DeliverySchedule(), language: String = "en", poll: Duration = .seconds(1),
        inFlightMax: Int = 8192, claimMax: Int = 256, failingMax: Int = 32, perDestinationMax: Int = 4,
        webhookMax: Int = 1024, webhookRequestsMax: Int = 64,
        slackPace: Duration = .seconds(1), rules: RelayRules = RelayRules(), watchEvery: Duration = .seconds(60),
        isClockInDoubt: @escaping @Sendable () -> Bool = { false }
    ) {
        self.schedule = schedule
        self.language = language
        self.poll = poll
        self.inFlightMax = inFlightMax
        self.claimMax = claimMax
        self.failingMax = failingMax
        self.perDestinationMax = perDestinationMax
        self.webhookMax = webhookMax
        self.webhookRequestsMax = webhookRequestsMax
        self.slackPace = slackPace
        self.rules = rules
        self.watchEvery = watchEvery
        self.isClockInDoubt = isClockInDoubt
    }
}
