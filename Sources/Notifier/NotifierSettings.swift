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
    /// Deliveries on their way at once to one destination, over all replicas; Slack: 1.
    package var perDestinationMax: Int
    /// The shortest time between two messages to one Slack webhook.
    package var slackPace: Duration
    package var rules: RelayRules

    package init(
        schedule: DeliverySchedule = DeliverySchedule(), language: String = "en", poll: Duration = .seconds(1),
        inFlightMax: Int = 64, perDestinationMax: Int = 4, slackPace: Duration = .seconds(1),
        rules: RelayRules = RelayRules()
    ) {
        self.schedule = schedule
        self.language = language
        self.poll = poll
        self.inFlightMax = inFlightMax
        self.perDestinationMax = perDestinationMax
        self.slackPace = slackPace
        self.rules = rules
    }
}
