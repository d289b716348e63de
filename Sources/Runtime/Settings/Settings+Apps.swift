import Domain
import FoundationEssentials

extension SettingsReader {
    /// The platform's app of each provider that the settings name one for.
    ///
    /// `TOKENWARD_APP_<PROVIDER>_…` wins over a provider's own names, those over its family's.
    mutating func apps() -> [App] {
        var apps: [App] = []
        var told: Set<String> = []
        let families = Dictionary(uniqueKeysWithValues: ProviderAppNames.families.map { ($0.provider, $0.sources) })
        let fromPattern = source.values.keys.compactMap(ProviderAppNames.patternProvider)
        for provider in Set(fromPattern).union(families.keys).sorted() {
            let sources = [ProviderAppNames.patternSource(of: provider)] + (families[provider] ?? [])
            if let app = app(of: provider, from: sources, told: &told) { apps.append(app) }
        }
        return apps
    }

    private mutating func app(
        of provider: String, from sources: [ProviderAppNames.Source], told: inout Set<String>
    ) -> App? {
        var chosen: App?
        for (index, source) in sources.enumerated() {
            let id = first(source.id)
            let secrets = first(source.secret).map(list) ?? []
            let redirect = source.redirect.flatMap { redirectURI($0, told: &told) }
            let parameters = parameters(source)
            let isPattern = index == 0
            if id == nil, secrets.isEmpty {
                let lonely = [redirect == nil ? nil : source.redirect].compactMap(\.self) + parameters.map(\.setting)
                if let name = lonely.first, told.insert(name).inserted {
                    refuse(name, "has no client id beside it: set \(source.id[0]) too.")
                }
                continue
            }
            guard let id, isPattern || !secrets.isEmpty else {
                let missing = id == nil ? source.id[0] : source.secret[0]
                if told.insert(missing).inserted {
                    let present = id == nil ? source.secret : source.id
                    refuse("\(missing) is not set though \(present.first(where: isSet) ?? present[0]) is: set both.")
                }
                continue
            }
            guard secrets.count <= 3 else {
                let name = source.secret.first(where: isSet) ?? source.secret[0]
                if told.insert(name).inserted {
                    refuse(name, "holds \(secrets.count) secrets: at most three are tried, remove the oldest.")
                }
                continue
            }
            if chosen == nil {
                chosen = App(
                    id: provider, provider: provider, clientID: id, secrets: secrets.map(Secret.init),
                    redirectURI: redirect,
                    parameters: Dictionary(
                        parameters.map { ($0.parameter, $0.value) }, uniquingKeysWith: { first, _ in first }))
            }
        }
        return chosen
    }

    /// What is said of an app's own endpoints; the catalogue judges it once it is read.
    private mutating func parameters(
        _ source: ProviderAppNames.Source
    ) -> [(setting: String, parameter: String, value: String)] {
        source.parameters.compactMap { setting, parameter in
            text(setting).map { (setting, parameter, $0) }
        }
    }

    private mutating func redirectURI(_ name: String, told: inout Set<String>) -> String? {
        guard let text = text(name) else { return nil }
        let parts = URLComponents(string: text)
        guard let parts, ["http", "https"].contains(parts.scheme), parts.host?.isEmpty == false, parts.fragment == nil
        else {
            if told.insert(name).inserted {
                refuse(name, "is \(quoted(text)): write the URL registered at the provider, https://….")
            }
            return nil
        }
        return text
    }

    private mutating func first(_ names: [String]) -> String? {
        let texts = names.map { text($0) }
        return texts.compactMap { $0 }.first
    }

    private func isSet(_ name: String) -> Bool { source.values[name] != nil }

    /// The tokens of the environment that become channels once.
    mutating func firstTokens() -> [Settings.FirstToken] {
        var tokens: [Settings.FirstToken] = []
        if let token = secret("FACEBOOK_ADS_TOKEN") {
            tokens.append(
                .init(
                    channelID: "facebook-ads", provider: "facebook-ads", accessToken: token, refreshToken: nil,
                    parameters: [:]))
        }
        let access = secret("AMOCRM_ACCESS_TOKEN")
        let refresh = secret("AMOCRM_REFRESH_TOKEN")
        let subdomain = text("AMOCRM_SUBDOMAIN")
        if let subdomain, !SettingsReader.isLabel(subdomain) {
            refuse("AMOCRM_SUBDOMAIN", "is \(quoted(subdomain)): write the part before .amocrm.ru, in lower case.")
        }
        guard access != nil || refresh != nil else { return tokens }
        guard let subdomain else {
            refuse("AMOCRM_SUBDOMAIN is not set though a token of amoCRM is: set the part before .amocrm.ru.")
            return tokens
        }
        tokens.append(
            .init(
                channelID: "amocrm", provider: "amocrm", accessToken: access, refreshToken: refresh,
                parameters: ["subdomain": subdomain]))
        return tokens
    }

    /// `[a-z0-9][a-z0-9-]{0,62}`, the whole text.
    static func isLabel(_ text: String) -> Bool {
        let units = Array(text.utf8)
        let isWord = { (unit: UInt8) in (0x61...0x7A).contains(unit) || (0x30...0x39).contains(unit) }
        guard let first = units.first, units.count <= 63, isWord(first) else { return false }
        return units.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") }
    }
}
