import Domain
import Providers
import Synchronization

/// The replay class that counts: the catalogue's, unless an app's answers showed that its refresh tokens rotate after
/// all (PROTOCOL §2); remembered for the life of the process.
final class ReplayClasses: Sendable {
    static let appsMax = 10_000

    private struct State {
        var apps: Set<String> = []
        var providers: Set<String> = []
    }

    private let state = Mutex(State())

    func of(_ entry: ProviderEntry, appID: String) -> ReplayClass {
        guard entry.replayClass == .free else { return entry.replayClass }
        return state.withLock { state in
            guard state.providers.contains(entry.name) else { return .free }
            return state.apps.contains(appID) || state.apps.count >= Self.appsMax ? .single : .free
        }
    }

    /// For a claim over all apps of a provider: the class with the longest hold-down among them.
    func ofAll(_ entry: ProviderEntry) -> ReplayClass {
        guard entry.replayClass == .free else { return entry.replayClass }
        return state.withLock { $0.providers.contains(entry.name) } ? .single : .free
    }

    /// True the first time an app shows it.
    func noteRotation(of appID: String, at provider: String) -> Bool {
        state.withLock { state in
            state.providers.insert(provider)
            guard state.apps.count < Self.appsMax else { return false }
            return state.apps.insert(appID).inserted
        }
    }
}
