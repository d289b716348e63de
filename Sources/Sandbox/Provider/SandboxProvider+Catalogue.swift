extension SandboxProvider {
    /// Catalogue YAML that points each platform's entry at this sandbox; lay it over the embedded catalogue.
    ///
    /// - Parameter hurried: also shortens ages and intervals of days to seconds, for grants that live for seconds.
    package func catalogueOverlay(hurried: Bool = true) -> String {
        var lines = [
            "# Points every entry at the sandbox on \(baseURL).", "schema_version: 1", "", "providers:", "",
        ]
        for platform in SandboxPlatform.allCases {
            lines.append("  \(platform.rawValue):")
            lines.append("    endpoints:")
            for endpoint in endpoints(platform) {
                lines.append("      \(endpoint.name): \"\(baseURL)/\(platform.rawValue)/\(endpoint.path)\"")
            }
            if platform == .oauth2 { lines.append("    connection_params: {}") }
            if platform == .tiktokShop {
                lines.append("    connection_params: {service_id: {source: operator, default: sandbox-service}}")
            }
            if hurried {
                lines.append("    lifetime: \(lifetime(platform))")
                lines.append("    policy: \(hurriedPolicy(platform))")
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    private func endpoints(_ platform: SandboxPlatform) -> [(name: String, path: String)] {
        let own: [(name: String, path: String)] =
            switch platform {
            case .oauth2:
                [("token", "token"), ("refresh", "token"), ("revoke", "revoke"), ("inspect", "introspect")]
            case .youtube:
                [
                    ("token", "token"), ("refresh", "token"), ("revoke", "revoke"), ("inspect", "tokeninfo"),
                    ("identify", "channels"),
                ]
            case .googleAds:
                [("token", "token"), ("refresh", "token"), ("revoke", "revoke"), ("inspect", "tokeninfo")]
            case .facebook, .facebookAds, .whatsapp:
                [
                    ("token", "{var.api_version}/oauth/access_token"),
                    ("refresh", "{var.api_version}/oauth/access_token"),
                    ("revoke", "{var.api_version}/{conn.user_id}/permissions"),
                    ("inspect", "{var.api_version}/debug_token"),
                ]
            case .instagram:
                [
                    ("token", "oauth/access_token"), ("upgrade", "access_token"), ("refresh", "refresh_access_token"),
                    ("probe", "probe"),
                ]
            case .tiktok:
                [
                    ("token", "v2/oauth/token/"), ("refresh", "v2/oauth/token/"), ("revoke", "v2/oauth/revoke/"),
                    ("probe", "probe"),
                ]
            case .tiktokLegacy:
                [
                    ("token", "oauth/access_token/"), ("refresh", "oauth/refresh_token/"), ("revoke", "oauth/revoke/"),
                ]
            case .tiktokShop: [("token", "api/v2/token/get"), ("refresh", "api/v2/token/refresh")]
            case .amocrm, .kommo:
                [
                    ("token", "{conn.subdomain}/oauth2/access_token"),
                    ("refresh", "{conn.subdomain}/oauth2/access_token"), ("probe", "{conn.subdomain}/probe"),
                ]
            }
        return [("authorize", "authorize")] + own
    }

    private func lifetime(_ platform: SandboxPlatform) -> String {
        platform.hasRefreshToken
            ? "{access: 60s, refresh: 1h, refresh_kind: sliding}" : "{access: 60s, refresh: null, refresh_kind: self}"
    }

    /// One denial is enough in a demonstration: the second would come after half a minute.
    private func hurriedPolicy(_ platform: SandboxPlatform) -> String {
        "{refresh_before: 20s, min_age: 0s, min_interval: 1s, keep_alive: null, dead_confirmations: 1}"
    }
}
