/// Which names of the environment make which provider's app.
///
/// The families come from the documents this product answers, so each provider reads its own names first and
/// those of its family after.
package enum ProviderAppNames {
    /// One way to give an app: the names of its id, its secrets and its redirect URI, each the first that is set.
    struct Source: Sendable {
        let id: [String]
        let secret: [String]
        let redirect: String?
        /// Names of connection parameters that hold for all channels of the app.
        let parameters: [(setting: String, parameter: String)]

        init(
            _ id: [String], _ secret: [String], redirect: String? = nil,
            parameters: [(setting: String, parameter: String)] = []
        ) {
            self.id = id
            self.secret = secret
            self.redirect = redirect
            self.parameters = parameters.sorted { $0.setting < $1.setting }
        }
    }

    /// A provider and its sources, the first complete one wins.
    struct Family: Sendable {
        let provider: String
        let sources: [Source]
    }

    static let families: [Family] = [
        Family(provider: "youtube", sources: [youtube, google]),
        Family(provider: "google-ads", sources: [google]),
        Family(provider: "instagram", sources: [instagram, meta]),
        Family(provider: "facebook", sources: [meta, facebook]),
        Family(provider: "facebook-ads", sources: [meta, facebook]),
        Family(provider: "whatsapp", sources: [meta, facebook]),
        Family(provider: "tiktok", sources: [tiktok]),
        Family(provider: "tiktok-legacy", sources: [tiktok]),
        Family(provider: "tiktok-shop", sources: [tiktokShop]),
        Family(provider: "amocrm", sources: [amocrm]),
        Family(provider: "kommo", sources: [kommo, amocrm]),
    ]

    /// The table's rows, one a name.
    static let rows: [SettingRow] = {
        var rows: [SettingRow] = []
        var users: [String: [String]] = [:]
        for family in families {
            for source in family.sources {
                let names = source.id + source.secret + (source.redirect.map { [$0] } ?? [])
                for name in names { users[name, default: []].append("`\(family.provider)`") }
            }
        }
        for source in sources {
            for name in source.id {
                rows.append(SettingRow(name, .text, "Client id of \(list(users[name]))"))
            }
            for name in source.secret {
                rows.append(SettingRow(name, .secret, "Client secret of \(list(users[name])); several by commas"))
            }
            if let name = source.redirect {
                rows.append(SettingRow(name, .url, "Redirect URI registered for \(list(users[name]))"))
            }
        }
        return rows
    }()

    /// The ends of the names `TOKENWARD_APP_<PROVIDER>_…`, which every provider has.
    package static let patternEnds = ["_CLIENT_ID", "_CLIENT_SECRET", "_REDIRECT_URI"] + parameterEnds.keys.sorted()
    /// The built-in entries' connection parameters that are the operator's to set.
    static let parameterEnds = [
        "_AUTHORIZE_URL": "authorize_url", "_TOKEN_URL": "token_url", "_REVOKE_URL": "revoke_url",
        "_INSPECT_URL": "inspect_url", "_SERVICE_ID": "service_id",
    ]
    package static let patternPrefix = "TOKENWARD_APP_"

    /// The provider of a `TOKENWARD_APP_<PROVIDER>_…` name, in the catalogue's spelling; nil for another name.
    static func patternProvider(of name: String) -> String? {
        guard name.hasPrefix(patternPrefix), let end = patternEnds.first(where: name.hasSuffix) else { return nil }
        let middle = name.dropFirst(patternPrefix.count).dropLast(end.count)
        let allowed = middle.utf8.allSatisfy {
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "_")
        }
        guard !middle.isEmpty, allowed, name.count > patternPrefix.count + end.count else { return nil }
        return String(middle).lowercased().split(separator: "_", omittingEmptySubsequences: false)
            .joined(separator: "-")
    }

    static func patternSource(of provider: String) -> Source {
        let stem =
            patternPrefix
            + provider.uppercased().split(separator: "-", omittingEmptySubsequences: false)
            .joined(separator: "_")
        return Source(
            ["\(stem)_CLIENT_ID"], ["\(stem)_CLIENT_SECRET"], redirect: "\(stem)_REDIRECT_URI",
            parameters: parameterEnds.map { (stem + $0.key, $0.value) })
    }

    static func patternRow(named name: String) -> SettingRow? {
        guard let provider = patternProvider(of: name) else { return nil }
        if name.hasSuffix("_CLIENT_ID") { return SettingRow(name, .text, "Client id of `\(provider)`") }
        if name.hasSuffix("_REDIRECT_URI") { return SettingRow(name, .url, "Redirect URI of `\(provider)`") }
        if let end = parameterEnds.first(where: { name.hasSuffix($0.key) }) {
            return SettingRow(
                name, end.key.hasSuffix("_URL") ? .url : .text, "Connection parameter `\(end.value)` of `\(provider)`")
        }
        return SettingRow(name, .secret, "Client secret of `\(provider)`")
    }

    private static func list(_ providers: [String]?) -> String { (providers ?? []).joined(separator: ", ") }

    private static let sources = [
        youtube, google, instagram, meta, facebook, tiktok, tiktokShop, amocrm, kommo,
    ]
    private static let youtube = Source(["YOUTUBE_CLIENT_ID"], ["YOUTUBE_CLIENT_SECRET"])
    private static let google = Source(["GOOGLE_CLIENT_ID"], ["GOOGLE_CLIENT_SECRET"])
    private static let instagram = Source(["INSTAGRAM_CLIENT_ID"], ["INSTAGRAM_CLIENT_SECRET"])
    private static let meta = Source(["META_APP_ID"], ["META_APP_SECRET"])
    private static let facebook = Source(["FACEBOOK_APP_ID"], ["FACEBOOK_APP_SECRET"])
    private static let tiktok = Source(
        ["TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_ID", "TIKTOK_APP_ID"], ["TIKTOK_CLIENT_SECRET", "TIKTOK_APP_SECRET"])
    private static let tiktokShop = Source(["TIKTOK_SHOP_APP_KEY"], ["TIKTOK_SHOP_APP_SECRET"])
    private static let amocrm = Source(
        ["AMOCRM_CLIENT_ID"], ["AMOCRM_CLIENT_SECRET"], redirect: "AMOCRM_REDIRECT_URI")
    private static let kommo = Source(["KOMMO_CLIENT_ID"], ["KOMMO_CLIENT_SECRET"], redirect: "KOMMO_REDIRECT_URI")
}
