/// A platform whose token endpoints the sandbox serves; the raw value is the catalogue's name.
package enum SandboxPlatform: String, Sendable, Hashable, CaseIterable, Comparable {
    case youtube
    case googleAds = "google-ads"
    case instagram
    case facebook
    case facebookAds = "facebook-ads"
    case whatsapp
    case tiktok
    case tiktokLegacy = "tiktok-legacy"
    case tiktokShop = "tiktok-shop"
    case amocrm
    case kommo
    case oauth2

    package static func < (left: SandboxPlatform, right: SandboxPlatform) -> Bool { left.rawValue < right.rawValue }

    /// What a use does to the presented token, unless ``SandboxProvider/setBehaviour(_:of:)`` says otherwise.
    package var behaviour: SandboxBehaviour {
        switch self {
        case .youtube, .googleAds: SandboxBehaviour(rotation: .never)
        case .instagram, .facebook, .facebookAds, .whatsapp: SandboxBehaviour(rotation: .exchange)
        case .tiktok, .tiktokLegacy, .tiktokShop, .amocrm, .kommo, .oauth2: SandboxBehaviour(rotation: .always)
        }
    }

    /// The real platform's access token life.
    package var accessLifetime: Duration {
        switch self {
        case .youtube, .googleAds, .oauth2: .seconds(3600)
        case .instagram, .facebook, .facebookAds, .whatsapp: .seconds(60 * 86400)
        case .tiktok, .tiktokLegacy, .amocrm, .kommo: .seconds(86400)
        case .tiktokShop: .seconds(7 * 86400)
        }
    }

    /// The real platform's refresh token life; nil when it has no end or there is none.
    package var refreshLifetime: Duration? {
        switch self {
        case .tiktok, .tiktokLegacy, .tiktokShop: .seconds(365 * 86400)
        case .amocrm, .kommo: .seconds(90 * 86400)
        case .youtube, .googleAds, .instagram, .facebook, .facebookAds, .whatsapp, .oauth2: nil
        }
    }

    /// Whether the credential is a refresh token; Meta's platforms present the access token.
    package var hasRefreshToken: Bool { behaviour.rotation != .exchange }

    var dialect: any Dialect {
        switch self {
        case .oauth2: StandardDialect()
        case .youtube, .googleAds: GoogleDialect()
        case .facebook, .facebookAds, .whatsapp: MetaDialect()
        case .instagram: InstagramDialect()
        case .tiktok: TikTokDialect()
        case .tiktokLegacy: TikTokLegacyDialect()
        case .tiktokShop: TikTokShopDialect()
        case .amocrm, .kommo: AmoDialect()
        }
    }
}

/// What becomes of a presented token when it is used.
package struct SandboxBehaviour: Sendable, Equatable {
    package enum Rotation: Sendable, Equatable {
        /// The refresh token stays; answers carry none.
        case never
        /// Every answer carries a new refresh token and the old one is spent.
        case always
        /// The access token itself is exchanged; the old one lives until its own end.
        case exchange
    }

    package var rotation: Rotation
    /// How long a spent token still works (RFC 9700's grace); nil: dead at once.
    package var grace: Duration?
    /// A use of a spent token revokes the whole grant.
    package var reuseRevokes: Bool

    package init(rotation: Rotation, grace: Duration? = nil, reuseRevokes: Bool = false) {
        self.rotation = rotation
        self.grace = grace
        self.reuseRevokes = reuseRevokes
    }
}
