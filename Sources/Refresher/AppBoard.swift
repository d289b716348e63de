import Domain
import Logging
import Synchronization

/// What the loop knows of apps that the provider refuses (PROTOCOL §7 "App"), shared through the database.
///
/// Here: `ok → suspect → paused → ok`. A suspect app is judged by a canary, the most recently renewed other channel; an
/// app with one channel by a second answer a minute later. Held verdicts and degraded apps have their place beside it.
final class AppBoard: Sendable {
    /// The channel that decides about a troubled app.
    struct Canary: Sendable {
        var app: String
        var channel: ChannelID
        /// There is no other: its own second refusal decides.
        var isOnlyChannel: Bool
    }

    private struct Suspicion {
        var channel: ChannelID
        var since: ContinuousClock.Instant
    }

    private struct State {
        var standings: [String: AppStanding] = [:]
        /// The channel whose answer made the app suspect.
        var suspicions: [String: Suspicion] = [:]
        /// Channels that are refused while the app works for others.
        var cleared: Set<ChannelID> = []
    }

    /// Channels whose refusals are held against themselves; beyond it the app is suspected once more.
    static let clearedMax = 10_000

    private let store: any RefreshStore
    private let clock: any LocalClock
    private let logger: Logger
    private let state = Mutex(State())

    init(store: any RefreshStore, clock: any LocalClock, logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// Apps whose due channels are left alone.
    var excluded: [String] {
        state.withLock { $0.standings.filter { $0.value.state != .degraded }.keys.sorted() }
    }

    func isExcluded(_ app: String) -> Bool {
        state.withLock { state in state.standings[app].map { $0.state != .degraded } ?? false }
    }

    func standing(of app: String) -> AppStanding? { state.withLock { $0.standings[app] } }

    /// Whether a refusal of the app in an answer to this channel is the channel's own failure.
    func isCleared(for channel: ChannelID) -> Bool { state.withLock { $0.cleared.contains(channel) } }

    /// Reads what other replicas found out.
    func reload() async throws {
        let standings = try await store.troubledApps()
        state.withLock { state in
            state.standings = standings
            // Another replica's canary was accepted.
            state.suspicions = state.suspicions.filter { standings[$0.key] != nil }
        }
    }

    /// The provider refused the app's own credentials in an answer to this channel.
    func rejected(_ app: String, by channel: ChannelID, reason: String) async {
        let now = clock.now
        let next: AppState? = state.withLock { state in
            guard !state.cleared.contains(channel) else { return nil }
            let was = state.standings[app]?.state ?? .ok
            guard was != .paused else { return nil }
            guard let first = state.suspicions[app] else {
                state.suspicions[app] = Suspicion(channel: channel, since: now)
                return was == .suspect ? nil : .suspect
            }
            return first.channel == channel ? nil : .paused
        }
        if let next { await set(app, next, reason: reason, channel: channel) }
    }

    /// The only channel of the app was refused again a minute after it made the app suspect.
    func confirmed(_ app: String, by channel: ChannelID, reason: String) async {
        await set(app, .paused, reason: reason, channel: channel)
    }

    /// The provider accepted the app.
    func accepted(_ app: String, by channel: ChannelID) async {
        let isNews = state.withLock { state in
            state.cleared.remove(channel)
            guard let was = state.standings[app]?.state, was == .suspect || was == .paused else { return false }
            if let first = state.suspicions.removeValue(forKey: app), first.channel != channel, was == .suspect,
                state.cleared.count < Self.clearedMax
            {
                state.cleared.insert(first.channel)
            }
            return true
        }
        if isNews { await set(app, .ok, reason: "accepted", channel: channel) }
    }

    /// The channels that decide about each troubled app whose turn has come on this replica.
    func canaries() async throws -> [Canary] {
        var canaries: [Canary] = []
        let troubled = state.withLock { state in
            state.standings.filter { $0.value.state != .degraded }.sorted { $0.key < $1.key }.map {
                (app: $0.key, state: $0.value.state, suspicion: state.suspicions[$0.key])
            }
        }
        for (app, appState, suspicion) in troubled {
            let interval = appState == .paused ? ProtocolTimes.appProbe : ProtocolTimes.suspectProbe
            guard
                let channel = try await store.takeProbe(of: app, every: interval, excluding: suspicion?.channel)
            else { continue }
            let isOnly = channel == suspicion?.channel
            // The second answer of an only channel counts a minute after its first; the next turn comes then.
            if isOnly, appState == .suspect, let since = suspicion?.since,
                since.duration(to: clock.now) < ProtocolTimes.suspectProbe * 0.9
            {
                continue
            }
            canaries.append(Canary(app: app, channel: channel, isOnlyChannel: isOnly))
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
