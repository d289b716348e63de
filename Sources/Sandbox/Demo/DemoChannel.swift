package import Domain
package import FoundationEssentials

/// A channel of the demonstration, ready to be imported.
package struct DemoChannel: Sendable {
    package var id: ChannelID
    package var tenantID: String
    package var userID: String
    package var provider: String
    package var displayName: String
    /// The account at the sandbox.
    package var externalID: String
    /// Connection parameters of the catalogue entry.
    package var params: [String: String]
    package var access: Secret
    package var refresh: Secret?
    package var accessIssuedAt: Date
    package var accessExpiresAt: Date
    package var refreshExpiresAt: Date?
    package var scopes: [String]
}

/// Who owns which account, and how long its tokens live.
struct DemoSeed: Sendable {
    var id: ChannelID
    var tenant: String
    var user: String
    var provider: SandboxPlatform
    var name: String
    var account: String
    var lifetime: Duration

    init(
        _ id: ChannelID, _ tenant: String, _ user: String, _ provider: SandboxPlatform, _ name: String,
        _ account: String, _ seconds: Int
    ) {
        self.id = id
        self.tenant = tenant
        self.user = user
        self.provider = provider
        self.name = name
        self.account = account
        lifetime = .seconds(seconds)
    }

    /// Meta's user id and TikTok's open id come from the account id, so only the subdomain is left to say.
    var params: [String: String] {
        switch provider {
        case .amocrm, .kommo: ["subdomain": account]
        case .youtube, .googleAds, .instagram, .facebook, .facebookAds, .whatsapp, .tiktok, .tiktokLegacy, .tiktokShop,
            .oauth2:
            [:]
        }
    }

    var scopes: [String] {
        switch provider {
        case .youtube:
            [
                "https://www.googleapis.com/auth/youtube.upload", "https://www.googleapis.com/auth/youtube.readonly",
            ]
        case .googleAds: ["https://www.googleapis.com/auth/adwords"]
        case .instagram: ["instagram_business_basic", "instagram_business_content_publish"]
        case .facebook: ["pages_show_list", "pages_manage_posts"]
        case .facebookAds: ["ads_read", "ads_management"]
        case .whatsapp: ["whatsapp_business_management", "whatsapp_business_messaging"]
        case .tiktok, .tiktokLegacy: ["user.info.basic", "video.publish"]
        case .tiktokShop: ["seller.order.info", "seller.product.basic"]
        case .amocrm, .kommo: []
        case .oauth2: ["read", "write"]
        }
    }

    static let all: [DemoSeed] = [
        DemoSeed("yt-north-bakery", "north-bakery", "maria", .youtube, "North Bakery TV", "UCnorthbakery01", 20),
        DemoSeed("ig-north-bakery", "north-bakery", "maria", .instagram, "@north.bakery", "17841400000000001", 12),
        DemoSeed("fb-north-bakery", "north-bakery", "maria", .facebook, "North Bakery", "100000000000001", 60),
        DemoSeed("tt-north-bakery", "north-bakery", "oleg", .tiktok, "@northbakery", "open-north-bakery", 30),
        DemoSeed("amo-north-bakery", "north-bakery", "oleg", .amocrm, "North Bakery sales", "northbakery", 25),
        DemoSeed("wa-north-bakery", "north-bakery", "oleg", .whatsapp, "North Bakery orders", "100000000000002", 75),

        DemoSeed("yt-lumen", "lumen-studio", "ana", .youtube, "Lumen Studio", "UClumenstudio001", 28),
        DemoSeed("yt-lumen-live", "lumen-studio", "ana", .youtube, "Lumen Live", "UClumenlive00001", 35),
        DemoSeed("ig-lumen", "lumen-studio", "ana", .instagram, "@lumen.studio", "17841400000000002", 40),
        DemoSeed("ig-lumen-weddings", "lumen-studio", "kim", .instagram, "@lumen.weddings", "17841400000000003", 55),
        DemoSeed("tt-lumen", "lumen-studio", "kim", .tiktok, "@lumenstudio", "open-lumen-studio", 24),
        DemoSeed("tt-lumen-archive", "lumen-studio", "kim", .tiktokLegacy, "@lumenarchive", "legacy-lumen", 45),
        DemoSeed("ads-lumen", "lumen-studio", "ana", .googleAds, "Lumen brand search", "123-456-7890", 50),

        DemoSeed("fba-atlas-eu", "atlas-agency", "bruno", .facebookAds, "Atlas EU campaigns", "100000000000003", 22),
        DemoSeed("fba-atlas-us", "atlas-agency", "bruno", .facebookAds, "Atlas US campaigns", "100000000000004", 26),
        DemoSeed("fba-atlas-apac", "atlas-agency", "bruno", .facebookAds, "Atlas APAC", "100000000000005", 32),
        DemoSeed("ads-atlas", "atlas-agency", "chloe", .googleAds, "Atlas performance", "234-567-8901", 38),
        DemoSeed("fb-atlas", "atlas-agency", "chloe", .facebook, "Atlas Agency", "100000000000006", 90),
        DemoSeed("kommo-atlas", "atlas-agency", "chloe", .kommo, "Atlas leads", "atlasagency", 16),
        DemoSeed("yt-atlas", "atlas-agency", "chloe", .youtube, "Atlas Academy", "UCatlasacademy01", 70),
        DemoSeed("erp-atlas", "atlas-agency", "bruno", .oauth2, "Atlas bookkeeping", "atlas-books", 18),

        DemoSeed("shop-verde", "verde-market", "linh", .tiktokShop, "Verde Market VN", "7010736057180320001", 84),
        DemoSeed("shop-verde-id", "verde-market", "linh", .tiktokShop, "Verde Market ID", "7010736057180320002", 92),
        DemoSeed("shop-atlas", "atlas-agency", "bruno", .tiktokShop, "Atlas Outlet", "7010736057180320003", 120),
        DemoSeed("amo-verde", "verde-market", "minh", .amocrm, "Verde wholesale", "verdemarket", 14),
        DemoSeed("ig-verde", "verde-market", "minh", .instagram, "@verde.market", "17841400000000004", 65),
        DemoSeed("wa-verde", "verde-market", "minh", .whatsapp, "Verde support", "100000000000007", 48),
        DemoSeed("tt-verde", "verde-market", "linh", .tiktok, "@verdemarket", "open-verde-market", 36),
        DemoSeed("fba-verde", "verde-market", "minh", .facebookAds, "Verde always-on", "100000000000008", 58),
        DemoSeed("erp-verde", "verde-market", "minh", .oauth2, "Verde warehouse", "verde-stock", 30),
    ]
}
