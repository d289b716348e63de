/// The files of `Catalogue/`, one provider each; `rfc6749` is the base that most others extend.
enum EmbeddedCatalogue {
    static var files: [(name: String, bytes: [UInt8])] {
        [
            ("amocrm.yaml", PackageResources.amocrm_yaml),
            ("facebook-ads.yaml", PackageResources.facebook_ads_yaml),
            ("facebook.yaml", PackageResources.facebook_yaml),
            ("google-ads.yaml", PackageResources.google_ads_yaml),
            ("google.yaml", PackageResources.google_yaml),
            ("instagram.yaml", PackageResources.instagram_yaml),
            ("kommo.yaml", PackageResources.kommo_yaml),
            ("oauth2.yaml", PackageResources.oauth2_yaml),
            ("rfc6749.yaml", PackageResources.rfc6749_yaml),
            ("tiktok-legacy.yaml", PackageResources.tiktok_legacy_yaml),
            ("tiktok-shop.yaml", PackageResources.tiktok_shop_yaml),
            ("tiktok.yaml", PackageResources.tiktok_yaml),
            ("whatsapp.yaml", PackageResources.whatsapp_yaml),
            ("youtube.yaml", PackageResources.youtube_yaml),
        ]
    }
}
