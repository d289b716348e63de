import Domain
import FoundationEssentials
import Logging
import Synchronization

/// What the loop knows of apps in trouble (PROTOCOL §7 "App"), judged per replica and shared through the database.
///
/// A refused app goes `ok → suspect → paused → ok`; a canary, the most recently renewed other channel, decides. An app
/// whose channels fail alike is `degraded` until one succeeds. When its channels are denied alike their verdicts are held:
/// see ``AppBoard+Holds``.
final class AppBoard: Sendable {
    /// The channel that decides about a troubled app.
    struct Canary: Sendable {
        var app: String
        var channel: ChannelID
        /// There is no other: its own second refusal decides.
        var isOnlyChannel: Bool
    }

    struct Suspicion {
        var channel: ChannelID
        var since: ContinuousClock.Instant
    }

    /// A hold that begins here and is not in the database yet; one that does not get there is soon forgotten.
    struct Beginning {
        static let lasts: Duration = .seconds(60)
        /// Database time.
        var since: Date
        var at: ContinuousClock.Instant
    }

    struct State {
        var standings: [String: AppStanding] = [:]
        /// The channel whose answer made the app suspect.
        var suspicions: [String: Suspicion] = [:]
        /// Channels that are refused while the app works for others.
        var cleared: Set<ChannelID> = []
        var windows: [String: AppWindow] = [:]
        var beginning: [String: Beginning] = [:]
        /// How many tenants an app has, up to two.
        var tenants: [String: (count: Int, at: ContinuousClock.Instant)] = [:]
    }

    /// Channels whose refusals are held against themselves; beyond it the app is suspected once more.
    static let clearedMax = 10_000

    let store: any RefreshStore
    let clock: any LocalClock
    let logger: Logger
    let state = Mutex(State())

    init(store: any RefreshStore, clock: any LocalClock, logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// Apps whose due channels are left alone.
    var excluded: [String] {
        state.withLock { $0.standings.filter { $0.value.state.isRefused }.keys.sorted() }
    }

    func isExcluded(_ app: String) -> Bool {
        state.withLock { $0.standings[app]?.state.isRefused ?? false }
    }

    func standing(of app: String) -> AppStanding? { state.withLock { $0.standings[app] } }

    /// Reads what other replicas found out.
    func reload() async throws {
        let standings = try await store.troubledApps()
        let now = clock.now
        state.withLock { state in
            for (app, standing) in state.standings {
                // Another replica's success: what failed here before it proves nothing any more.
                if standing.state == .degraded, standings[app]?.state != .degraded {
                    state.windows[app]?.forget(.failing)
                }
                if standing.heldSince != nil, standings[app]?.heldSince == nil { state.windows[app]?.forget(.denied) }
            }
            state.standings = standings
            state.beginning = state.beginning.filter {
                standings[$0.key]?.heldSince == nil && standings[$0.key]?.releasedAt == nil
                    && $0.value.at.duration(to: now) < Beginning.lasts
            }
            // Another replica's canary was accepted.
            state.suspicions = state.suspicions.filter { standings[$0.key]?.state.isRefused ?? false }
            state.windows = state.windows.filter { !$0.value.isEmpty(at: now) }
            state.tenants = state.tenants.filter { $0.value.at.duration(to: now) < AppWindow.lasts }
        }
    }

    // MARK: Evidence

    /// Notes an end that brought no credential, and says what of the app bears on it.
    ///
    /// - Parameter now: database time.
    func circumstances(of claim: Claim, after end: FailedEnd, now: Date) -> AppCircumstances {
        let local = clock.now
        return state.withLock { state in
            let app = claim.appID
            if let evidence = end.evidence(of: claim) {
                state.windows[app, default: AppWindow()].note(evidence, of: claim, at: local)
                beginHold(of: app, in: &state, since: now)
            }
            let standing = state.standings[app]
            let heldSince = standing?.heldSince ?? state.beginning[app]?.since
            return AppCircumstances(
                isCleared: state.cleared.contains(claim.channelID),
                troubledFor: standing.flatMap { standing in
                    standing.state == .ok ? nil : .seconds(max(0, now.timeIntervalSince(standing.since)))
                },
                heldUntil: heldSince.map { $0.addingTimeInterval(ProtocolTimes.holdMax.seconds) })
        }
    }

    /// Stores what the last end made plain: a provider in trouble, a hold.
    func judge(_ app: String, by channel: ChannelID, reason: String) async {
        let isFailing = state.withLock { state in
            (state.standings[app]?.state ?? .ok) == .ok && state.windows[app]?.isFailing ?? false
        }
        if isFailing { await set(app, .degraded, reason: reason, channel: channel) }
        await judgeDenials(of: app, by: channel)
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

    /// The service has no client id and secret for the app: nothing is to be confirmed, somebody must set them.
    func missing(_ app: String, by channel: ChannelID) async {
        guard standing(of: app)?.state != .paused else { return }
        await set(app, .paused, reason: IncidentCause.appMissing, channel: channel)
    }

    /// The only channel of the app was refused again a minute after it made the app suspect.
    func confirmed(_ app: String, by channel: ChannelID, reason: String) async {
        await set(app, .paused, reason: reason, channel: channel)
    }

    /// The provider renewed this channel's tokens.
    func accepted(_ app: String, by claim: Claim) async {
        let now = clock.now
        let channel = claim.channelID
        let isNews = state.withLock { state in
            state.windows[app, default: AppWindow()].note(.renewed, of: claim, at: now)
            state.cleared.remove(channel)
            guard let was = state.standings[app]?.state, was != .ok else { return false }
            if let first = state.suspicions.removeValue(forKey: app), first.channel != channel, was == .suspect,
                state.cleared.count < Self.clearedMax
            {
                state.cleared.insert(first.channel)
            }
            return true
        }
        if isNews { await set(app, .ok, reason: "accepted", channel: channel) }
    }

    /// The channels that decide about each refused app whose turn has come on this replica.
    func canaries() async throws -> [Canary] {
        var canaries: [Canary] = []
        let troubled = state.withLock { state in
            state.standings.filter { $0.value.state.isRefused }.sorted { $0.key < $1.key }.map {
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
        await storing(app, "app.\(new.rawValue)", reason: reason) {
            try await store.setApp(app, state: new, reason: reason, channel: channel)
        }
    }

    /// Writes a change and reads it back; one that is not stored is found again with the next answer.
    func storing(_ app: String, _ event: String, reason: String, _ change: () async throws -> Void) async {
        do {
            try await change()
            try await reload()
            logger.notice(
                "app state changed", metadata: ["event": "\(event)", "app": "\(app)", "reason": "\(reason)"])
        } catch {
            logger.warning("app state not stored", metadata: ["app": "\(app)", "error": "\(error)"])
        }
    }
}

extension AppState {
    /// The provider refuses the app itself: its channels wait.
    var isRefused: Bool { self == .suspect || self == .paused }
}
