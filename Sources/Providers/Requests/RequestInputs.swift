package import Domain

/// Everything a request may be built from.
package struct RequestInputs: Sendable {
    /// Tokens, scopes and connection parameters of the channel.
    package var credential: Credential
    package var clientID: String
    package var clientSecret: Secret?
    package var redirectURI: String?
    /// Connection parameters that the app sets (`token_url` …); they win over the channel's.
    package var variables: [String: String]
    /// The account's id at the provider; fills `{conn.user_id}` and `{conn.open_id}` where no parameter does.
    package var externalID: String?
    package var code: Secret?
    package var codeVerifier: Secret?

    package init(
        credential: Credential, clientID: String, clientSecret: Secret? = nil, redirectURI: String? = nil,
        variables: [String: String] = [:], externalID: String? = nil, code: Secret? = nil, codeVerifier: Secret? = nil
    ) {
        self.credential = credential
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.redirectURI = redirectURI
        self.variables = variables
        self.externalID = externalID
        self.code = code
        self.codeVerifier = codeVerifier
    }

    /// What a channel's request takes from its app: client id, redirect address and connection parameters.
    ///
    /// - Parameter secret: one of the app's; its first when nil.
    package init(credential: Credential, app: App, secret: Secret? = nil, externalID: String? = nil) {
        self.init(
            credential: credential, clientID: app.clientID, clientSecret: secret ?? app.secrets.first,
            redirectURI: app.redirectURI, variables: app.parameters, externalID: externalID)
    }
}

/// Why a request cannot be built; nothing was sent.
package enum RequestError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The entry has no such request, or its tokens are not refreshed.
    case noSuchRequest
    /// The channel lacks the token that the request presents.
    case missingCredential
    case missingParameter(String)
    /// A value other than a connection parameter, such as `redirect_uri`.
    case missingValue(String)
    /// A connection parameter that may not be used; the text says what it is.
    case badParameter(name: String, String)
    case badURL(String)
    /// A header's value would hold a line break or another control character.
    case badHeader(String)

    package var description: String {
        switch self {
        case .noSuchRequest: "The provider has no such request."
        case .missingCredential: "The channel has no token to present; connect it again or import its tokens."
        case .missingParameter(let name): "The connection parameter “\(name)” is missing; set it on the channel or app."
        case .missingValue(let name): "The request needs “\(name)”; set it on the app."
        case .badParameter(let name, let problem): "The connection parameter “\(name)” \(problem)."
        case .badURL(let sentence): sentence
        case .badHeader(let name): "The value of the header “\(name)” holds control characters."
        }
    }
}
