package import Domain

/// The platform's apps as the settings name them.
package struct ConfiguredApps: AppListing {
    private let apps: [String: App]

    package init(_ apps: [App]) {
        self.apps = Dictionary(apps.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package var all: [App] { apps.values.sorted { $0.id < $1.id } }

    package func app(provider: String, tenantID: String) -> App? {
        apps["\(provider)/\(tenantID)"] ?? apps[provider]
    }
}
