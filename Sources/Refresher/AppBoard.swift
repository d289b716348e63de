import Domain
import Logging
import Synchronization

/// What the loop knows of apps that the provider refuses (PROTOCOL §7 "App"), shared through the database.
///
/// Here: `ok → suspect → paused → ok`. A suspect app is judged by a canary, the most recently renewed other channel; an
/// app with one channel by a second answer a minute later. Held verdicts and degraded apps have their place beside it.
final class AppBoard: Sendable {
    private struct State {
        var standings: [String: AppStanding] = [:]
        /// The channel whose answer made the app suspect.
        var suspects: [String: ChannelID] = [:]
    }

    private let store: any RefreshStore
    private let logger: Logger
    private let state = Mutex(State())

    init(store: any RefreshStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Apps whose due channels are left alone.
    var excluded: [String] {
        state.withLock { $0.standings.filter { $0.value.state != .degraded }.keys.sorted() }
    }

    func standing(of app: String) -> AppStanding? { state.withLock { $0.standings[app] } }

    /// Reads what other replicas found out.
    func reload() async throws {
        let standings = try await store.troubledApps()
        state.withLock { $0.standings = standings }
    }

    /// The provider refused the app's own credentials in an answer to this channel.
    func rejected(_ app: String, by channel: ChannelID, reason: String) async {
        let (was, first) = state.withLock { ($0.standings[app]?.state ?? .ok, $0.suspects[app]) }
        switch was {
        case .ok, .degraded:
            state.withLock { $0.suspects[app] = channel }
            await set(app, .suspect, reason: reason, channel: channel)
        case .suspect where first != nil && first != channel:
            await set(app, .paused, reason: reason, channel: channel)
        case .suspect, .paused:
            break
        }
    }

    /// The same channel was refused again a minute after it made the app suspect, and there is no other.
    func confirmed(_ app: String, by channel: ChannelID, reason: String) async {
        await set(app, .paused, reason: reason, channel: channel)
    }

    /// The provider accepted the app.
    func accepted(_ app: String, by channel: ChannelID) async {
        guard let was = standing(of: app), was.state == .suspect || was.state == .paused else { return }
        state.withLock { $0.suspects[app] = nil }
        await set(app, .ok, reason: "accepted", channel: channel)
    }

    /// The channel that decides about each troubled app whose turn has come on this replica.
    func canaries() async throws -> [(app: String, channel: ChannelID, isOnlyChannel: Bool)] {
        var canaries: [(app: String, channel: ChannelID, isOnlyChannel: Bool)] = []
        let troubled = state.withLock { state in
            state.standings.map { (app: $0.key, standing: $0.value, first: state.suspects[$0.key]) }
        }
        for (app, standing, first) in troubled where standing.state != .degraded {
            let interval = standing.state == .paused ? ProtocolTimes.appProbe : ProtocolTimes.suspectProbe
            guard let channel = try await store.takeProbe(of: app, every: interval, excluding: first) else { continue }
            canaries.append((app, channel, channel == first))
        }
        return canaries
    }

    private func set(_ app: String, _ new: AppState, reason: String, channel: ChannelID) async {
        do {
            try await store.setApp(app, state: new, reason: reason, channel: channel)
            try await reload()
            logger.notice(
                "app state changed",
                metadata: ["event": "app.\(new.rawValue)", "app": "\(app)", "reason": "\(reason)"])
        } catch {
            // The next answer of the app says it again.
            logger.warning("app state not stored", metadata: ["app": "\(app)", "error": "\(error)"])
        }
    }
}
