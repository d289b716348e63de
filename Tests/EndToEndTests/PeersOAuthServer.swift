import FoundationEssentials

/// django-oauth-toolkit over TLS, with rotation, reuse detection and no grace.
struct PeerOAuthServer: Sendable {
    struct Grant: Sendable {
        var id: String
        var access: String
        var refresh: String
    }

    let certificates: PeerCertificates
    let port: Int
    let client: (id: String, secret: String)
    let grants: [Grant]

    var tokenURL: String { "https://localhost:\(port)/o/token/" }

    /// Seeds grants, then runs `body` while the server serves.
    static func with<Answer: Sendable>(
        in directory: String, grants count: Int, accessSeconds: Int, redirectURI: String? = nil,
        _ body: (PeerOAuthServer) async throws -> Answer
    ) async throws -> Answer {
        let certificates = try await PeerCertificates.make(in: directory)
        let place =
            ["--directory", directory, "--access-seconds", "\(accessSeconds)"]
            + (redirectURI.map { ["--redirect-uri", $0] } ?? [])
        let seeded = try Value(
            parsing: await Peers.run("oauth_server.py", ["seed", "--grants", "\(count)"] + place))
        let grants = (seeded["grants"]?.items ?? []).map {
            Grant(
                id: $0["id"]?.text ?? "", access: $0["access_token"]?.text ?? "",
                refresh: $0["refresh_token"]?.text ?? "")
        }
        let client = (seeded["client_id"]?.text ?? "", seeded["client_secret"]?.text ?? "")
        let files = ["--certificate", certificates.certificate, "--key", certificates.key]
        return try await Peers.serving("oauth_server.py", ["serve"] + place + files) { port in
            try await body(PeerOAuthServer(certificates: certificates, port: port, client: client, grants: grants))
        }
    }

    /// A refresh that nobody protects from itself.
    func refresh(_ token: String) async throws -> (status: Int, json: Value) {
        try await certificates.request(
            tokenURL,
            form:
                "grant_type=refresh_token&refresh_token=\(token)&client_id=\(client.id)&client_secret=\(client.secret)")
    }

    /// Whose live access token this is; nil when it is none.
    func owner(of access: String) async throws -> String? {
        let answer = try await certificates.request(
            "https://localhost:\(port)/o/introspect/", form: "token=\(access)", user: "\(client.id):\(client.secret)")
        return answer.json["active"]?.bool == true ? answer.json["username"]?.text : nil
    }

    struct Count: Sendable {
        var refreshes: Int
        var reuses: Int
        /// Refresh tokens that still work.
        var live: Int
        var isFamilyRevoked: Bool
    }

    /// What the server counted, by grant.
    func stats() async throws -> [String: Count] {
        let answer = try await certificates.request("https://localhost:\(port)/stats")
        guard case .object(let grants)? = answer.json["grants"] else { return [:] }
        return grants.mapValues { grant in
            func number(_ name: String) -> Int { Int(grant[name]?.number ?? -1) }
            return Count(
                refreshes: number("refreshes"), reuses: number("reuses"), live: number("live"),
                isFamilyRevoked: grant["familyRevoked"]?.bool == true)
        }
    }
}
