import Domain

/// What people are told of an app: the event that a change of its state or a hold of its verdicts writes.
struct AppNews {
    var kind: RelayEvent.Kind
    /// Names the incident; the same when it opens and when it closes.
    var reason: String
    var code: String
    var message: String

    static let rejectedReason = "app_rejected"
    static let degradedReason = "degraded"
    static let deniedReason = "grants_denied"

    /// A suspicion is no news; a pause, a provider in trouble and their ends are.
    static func between(_ old: AppState, _ new: AppState, reason: String) -> [AppNews] {
        var news: [AppNews] = []
        if old == .paused {
            news.append(
                AppNews(
                    kind: .appRecovered, reason: rejectedReason, code: reason,
                    message: "The provider accepts the app again; its channels go on."))
        }
        if old == .degraded {
            news.append(
                AppNews(
                    kind: .providerRecovered, reason: degradedReason, code: reason,
                    message: "The provider answers again; its channels go on."))
        }
        switch new {
        case .paused:
            news.append(
                AppNews(
                    kind: .appRejected, reason: rejectedReason, code: reason,
                    message: reason == IncidentCause.appMissing
                        ? "No client id and secret are configured for this app; set them and restart, its channels wait."
                        : "The provider refuses the app's own credentials (\(reason)); its channels wait."))
        case .degraded:
            news.append(
                AppNews(
                    kind: .providerDegraded, reason: degradedReason, code: reason,
                    message: "Refreshes of several channels fail and none succeeds (\(reason)); "
                        + "they are tried again, and nobody needs to act on a single channel."))
        case .ok, .suspect: break
        }
        return news
    }

    static let held = AppNews(
        kind: .appRejected, reason: deniedReason, code: deniedReason,
        message: "The provider denies many channels of this app at once; nobody is asked to authorize again "
            + "before a second look, within the hour.")

    static func released(because sentence: String) -> AppNews {
        AppNews(kind: .appRecovered, reason: deniedReason, code: deniedReason, message: sentence)
    }
}
