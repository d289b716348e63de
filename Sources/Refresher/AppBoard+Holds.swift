import Domain
import FoundationEssentials
import Synchronization

/// Held verdicts (PROTOCOL §7): when many channels of an app are denied at once the provider or the app may be to blame,
/// and nobody is asked to authorize again before a second look.
extension AppBoard {
    /// Begins to hold here and now, when the window alone says enough; ``judgeDenials(of:by:)`` stores it.
    ///
    /// A single tenant never holds another one's verdicts: its denials count only where it has the app to itself.
    func beginHold(of app: String, in state: inout State, since now: Date) {
        guard state.beginning[app] == nil, state.standings[app]?.heldSince == nil,
            state.standings[app]?.releasedAt == nil, let tenants = state.windows[app]?.deniedTenants,
            tenants > 1 || state.tenants[app]?.count == 1
        else { return }
        state.beginning[app] = Beginning(since: now, at: clock.now)
    }

    /// Stores a hold that has begun; asks for the number of tenants where that decides.
    func judgeDenials(of app: String, by channel: ChannelID) async {
        let (tenants, isUnknown, isStored) = state.withLock { state in
            (
                state.windows[app]?.deniedTenants, state.tenants[app] == nil,
                state.standings[app]?.heldSince != nil || state.standings[app]?.releasedAt != nil
            )
        }
        guard let tenants, !isStored else { return }
        if tenants == 1, isUnknown {
            guard let count = try? await store.tenants(of: app) else { return }
            let now = clock.now
            state.withLock { $0.tenants[app] = (count, now) }
        }
        guard tenants > 1 || state.withLock({ $0.tenants[app]?.count }) == 1 else { return }
        await storing(app, "app.held", reason: "grants_denied") {
            try await store.holdVerdicts(of: app, canariesAfter: ProtocolTimes.holdLook, channel: channel)
        }
    }

    /// Apps whose verdicts are held.
    var held: [String] { state.withLock { $0.standings.filter { $0.value.heldSince != nil }.keys.sorted() } }

    /// What is to be done about a held app by this replica now.
    func holdTurn(of app: String) async throws -> HoldTurn {
        try await store.takeHoldTurn(of: app, every: ProtocolTimes.holdProbe, atMost: ProtocolTimes.holdMax)
    }

    /// Ends a hold by what the canaries were told; without an answer it goes on.
    func settle(_ app: String, by reports: [RefreshReport], canaries: Int) async {
        if canaries == 0 {
            await release(app, because: "No channel of the app waits for a second look any more.")
        } else if reports.contains(where: { $0.outcome == .renewed }) {
            await release(
                app, because: "The provider renews denied channels again; all of them are tried once more.")
        } else if reports.contains(where: { $0.outcome == .reauthorizationRequired }) {
            await release(
                app,
                because:
                    "The provider denies them also at a second look; those denied once more need a new authorization."
            )
        }
    }

    func release(_ app: String, because sentence: String) async {
        await storing(app, "app.released", reason: "grants_denied") {
            try await store.releaseVerdicts(of: app, because: sentence)
        }
    }
}
