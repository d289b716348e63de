import Domain
import FoundationEssentials
import Store

/// Apps: every channel's provider has one, and no provider refuses it.
enum AppCheck {
    static func findings(
        use: [Examination.AppUse], apps: ConfiguredApps, troubled: [Examination.TroubledApp]
    ) -> [Finding] {
        var findings: [Finding] = []
        let known = Set(apps.all.map(\.id))
        for app in use where !known.contains(app.appID) {
            let name = "TOKENWARD_APP_" + app.provider.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
            findings.append(
                .failed(
                    .apps,
                    "\(app.channels) channels of \(app.provider) use the app `\(app.appID)`, which is not configured.",
                    "Set \(name)_CLIENT_ID and \(name)_CLIENT_SECRET."))
        }
        for app in troubled {
            let since = "since \(app.since.formatted(.iso8601))"
            switch app.state {
            case .paused:
                findings.append(
                    .failed(
                        .apps, "The app `\(app.id)` is paused \(since): its provider refuses it (\(app.reason)).",
                        "Mend its id or secret at the provider and here; it is tried every 10 minutes and at once when a secret changes."
                    ))
            case .suspect, .degraded:
                findings.append(
                    .warning(
                        .apps, "The app `\(app.id)` is \(app.state.rawValue) \(since) (\(app.reason)).",
                        "Wait for the next attempts; look at the provider's status page."))
            case .ok: break
            }
        }
        guard findings.isEmpty else { return findings }
        return known.isEmpty
            ? [
                .warning(
                    .apps, "No app is configured.",
                    "Set the client id and secret of a provider, TOKENWARD_APP_<PROVIDER>_CLIENT_ID and …_CLIENT_SECRET."
                )
            ]
            : [
                .ok(
                    .apps, "Apps are configured for \(known.sorted().joined(separator: ", ")); no provider refuses one."
                )
            ]
    }
}
