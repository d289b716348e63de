package import Domain
package import Scheduling

/// Everything the program is told from outside, checked and typed.
package struct Settings: Sendable {
    /// PostgreSQL's URI; nil means the embedded cluster in ``dataDirectory``.
    package var databaseURL: Secret?
    /// Absolute path; it may not exist yet.
    package var dataDirectory: String
    package var listen: ListenAddress
    /// Base of links without a trailing slash; nil when not set.
    package var publicURL: String?
    /// The key ring's text from `TOKENWARD_KEYS` or its file; nil means the generated one.
    package var keys: Secret?
    package var adminToken: Secret?
    package var cataloguePath: String?
    package var caFile: String?
    /// CIDRs in the form they were written.
    package var allowNetworks: [String]
    /// The platform's apps, one a provider, ordered by provider.
    package var apps: [App]
    package var firstTokens: [FirstToken]
    package var destinations: [ConfiguredDestination]
    package var limits: Limits
    package var relay: Relay
    package var keeping: Keeping
    package var log: Log
    package var singleSignOn: SingleSignOn?

    /// A numeric address and a port; port 0 picks a free one.
    package struct ListenAddress: Sendable, Equatable {
        package var host: String
        package var port: Int
    }

    /// A token that is imported once, when its channel does not exist.
    package struct FirstToken: Sendable, Equatable {
        package var channelID: String
        package var provider: String
        package var accessToken: Secret?
        package var refreshToken: Secret?
        /// Connection parameters of the channel.
        package var parameters: [String: String]
    }

    package struct Limits: Sendable, Equatable {
        package var concurrency: Int
        package var concurrencyPerProvider: Int
        /// Jobs at a time.
        package var jobs: Int
        /// Requests a second of one API token; 0: any number.
        package var requestRate: Int
        package var httpTimeout: Duration
        package var retryDelays: [Duration]
        package var poll: Duration
        /// Empty when off.
        package var sweep: [Recurrence]
        package var heartbeatMaxAge: Duration
        package var shutdownTimeout: Duration
    }

    package struct Relay: Sendable, Equatable {
        package var groupWait: Duration
        package var remindEvery: Duration
        package var deliveryRetryDelays: [Duration]
        package var language: String
        package var templateDirectory: String?
    }

    package struct Keeping: Sendable, Equatable {
        package var cleanup: Recurrence
        package var jobsKeepCompleted: Int
        package var jobsKeepFailed: Int
        package var auditDays: Int
    }

    package struct Log: Sendable, Equatable {
        /// One of swift-log's level names.
        package var level: String
        package var isJSON: Bool
    }

    package struct SingleSignOn: Sendable, Equatable {
        package var issuer: String
        package var clientID: String
        package var clientSecret: Secret?
        package var allow: [String]
    }
}

/// A destination given by the environment.
package enum ConfiguredDestination: Sendable, Equatable {
    case slackWebhook(url: Secret)
    case slackBot(token: Secret, channel: String, signingSecret: Secret?, api: Secret? = nil)
    case email(server: Secret, sender: String, senderName: String?, recipients: [String])
    case webhook(url: Secret, secret: Secret)
}
