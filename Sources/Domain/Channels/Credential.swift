/// What a channel's sealed column holds, always written whole: the token pair, its scopes and the connection parameters.
package struct Credential: Sendable, Equatable {
    package var accessToken: Secret?
    package var refreshToken: Secret?
    package var tokenType: String
    package var scopes: [String]
    /// Connection parameters of the catalogue entry (`subdomain`, `token_url` …).
    package var parameters: [String: String]

    package init(
        accessToken: Secret? = nil, refreshToken: Secret? = nil, tokenType: String = "Bearer", scopes: [String] = [],
        parameters: [String: String] = [:]
    ) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.tokenType = tokenType
        self.scopes = scopes
        self.parameters = parameters
    }
}
