package import Domain
import FoundationEssentials

extension ProviderEntry {
    /// The request that presents the stored token for a new one.
    package func refreshRequest(_ inputs: RequestInputs) throws(RequestError) -> OutgoingRequest {
        let presented = credential == .accessToken ? inputs.credential.accessToken : inputs.credential.refreshToken
        guard let rules = requests[.refresh] else { throw .noSuchRequest }
        guard let presented, !presented.isEmpty else { throw .missingCredential }
        return try build(rules, inputs)
    }

    /// The request that asks about the access token; nil when the entry has none.
    package func inspectRequest(_ inputs: RequestInputs) throws(RequestError) -> OutgoingRequest? {
        try request(.inspect, inputs)
    }

    /// The harmless call that shows whether the access token works; nil when the entry has none.
    package func probeRequest(_ inputs: RequestInputs) throws(RequestError) -> OutgoingRequest? {
        try request(.probe, inputs)
    }

    /// The request that ends the grant; nil when the entry has none.
    package func revokeRequest(_ inputs: RequestInputs) throws(RequestError) -> OutgoingRequest? {
        try request(.revoke, inputs)
    }

    /// The request that redeems an authorization code (`inputs.code`).
    package func exchangeRequest(_ inputs: RequestInputs) throws(RequestError) -> OutgoingRequest {
        guard let rules = requests[.exchange] else { throw .noSuchRequest }
        guard inputs.code?.isEmpty == false else { throw .missingCredential }
        return try build(rules, inputs)
    }

    /// The request that makes a short-lived access token a long-lived one; nil when the entry has none.
    package func upgradeRequest(_ inputs: RequestInputs) throws(RequestError) -> OutgoingRequest? {
        try request(.upgrade, inputs)
    }

    /// The request that asks whose the access token is; nil when the entry has none.
    package func identifyRequest(_ inputs: RequestInputs) throws(RequestError) -> OutgoingRequest? {
        try request(.identify, inputs)
    }

    /// The address of the consent page.
    ///
    /// - Parameters:
    ///   - scopes: in place of the entry's default ones when not empty.
    ///   - challenge: of the PKCE verifier (S256); left out where the entry has no PKCE.
    ///   - nonce: what an identity token must carry; sent where one is asked for (scope `openid`).
    package func authorizeURL(
        _ inputs: RequestInputs, state: String, scopes: [String] = [], challenge: String? = nil, nonce: String? = nil
    ) throws(RequestError) -> String {
        guard let endpoint = authorization.endpoint else { throw .noSuchRequest }
        try check(inputs)
        let value = values(inputs)
        guard let clientID = authorization.clientIDValue.text(value) else {
            throw missing(authorization.clientIDValue, value)
        }
        var pairs = [(authorization.clientIDParameter, clientID)]
        for (name, template) in authorization.parameters {
            if let text = template.text(value) { pairs.append((name, text)) }
        }
        if authorization.sendsRedirectURI, let redirectURI = inputs.redirectURI {
            pairs.append(("redirect_uri", redirectURI))
        }
        let scopes = scopes.isEmpty ? authorization.defaultScopes : scopes
        if authorization.sendsScope, !scopes.isEmpty {
            pairs.append(("scope", scopes.joined(separator: authorization.scopeSeparator)))
        }
        pairs.append(("state", state))
        if authorization.proofKey != .none, let challenge {
            pairs += [("code_challenge", challenge), ("code_challenge_method", "S256")]
        }
        if let nonce, scopes.contains("openid") { pairs.append(("nonce", nonce)) }
        return Self.url(try endpoint.url(value), query: pairs)
    }

    func request(_ kind: RequestKind, _ inputs: RequestInputs) throws(RequestError) -> OutgoingRequest? {
        guard let rules = requests[kind] else { return nil }
        guard inputs.credential.accessToken?.isEmpty == false || inputs.credential.refreshToken?.isEmpty == false else {
            throw .missingCredential
        }
        return try build(rules, inputs)
    }

    private func build(_ rules: RequestRules, _ inputs: RequestInputs) throws(RequestError) -> OutgoingRequest {
        try check(inputs)
        let value = values(inputs)
        var url = try rules.endpoint.url(value)
        var pairs: [(String, String)] = []
        for (name, template) in rules.parameters {
            if let text = template.text(value) { pairs.append((name, text)) }
        }
        var headers: [HeaderField] = []
        var body: [UInt8] = []
        switch rules.encoding {
        case .query:
            url = Self.url(url, query: pairs)
        case .form:
            headers.append(HeaderField("Content-Type", "application/x-www-form-urlencoded"))
            body = Array(
                pairs.map { PercentEncoding.form($0.0) + "=" + PercentEncoding.form($0.1) }.joined(separator: "&").utf8)
        case .json:
            headers.append(HeaderField("Content-Type", "application/json"))
            body = JSONText.object(pairs)
        }
        if rules.clientAuthentication == .basic {
            let user = rules.basicUser.text(value) ?? ""
            let password = rules.basicPassword.text(value) ?? ""
            // RFC 6749 §2.3.1: both are form-encoded before they are joined.
            let pair = PercentEncoding.form(user) + ":" + PercentEncoding.form(password)
            headers.append(HeaderField("Authorization", "Basic " + Data(pair.utf8).base64EncodedString()))
        }
        for (name, template) in rules.headers {
            guard let text = template.text(value) else { continue }
            guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
                throw .badHeader(name)
            }
            headers.append(HeaderField(name, text))
        }
        if !headers.contains(where: { $0.name.lowercased() == "accept" }) {
            headers.append(HeaderField("Accept", "application/json"))
        }
        return OutgoingRequest(method: rules.method.rawValue, url: Secret(url), headers: headers, body: body)
    }

    /// The values behind a template's variables; an empty one is none.
    func values(_ inputs: RequestInputs) -> (Template.Variable) -> String? {
        { variable in
            switch variable {
            case .named("client_id"): inputs.clientID
            case .named("client_secret"): inputs.clientSecret?.reveal()
            case .named("redirect_uri"): inputs.redirectURI
            case .named("scope"): inputs.credential.scopes.joined(separator: self.authorization.scopeSeparator)
            case .named("code"): inputs.code?.reveal()
            case .named("code_verifier"): inputs.codeVerifier?.reveal()
            case .named("access_token"): inputs.credential.accessToken?.reveal()
            case .named("refresh_token"): inputs.credential.refreshToken?.reveal()
            case .named: nil
            case .connection(let name): self.parameter(name, inputs)
            }
        }
    }

    private func parameter(_ name: String, _ inputs: RequestInputs) -> String? {
        if let value = inputs.variables[name] ?? inputs.credential.parameters[name], !value.isEmpty { return value }
        if let value = connectionParameters.first(where: { $0.name == name })?.defaultValue { return value }
        return name == "user_id" || name == "open_id" ? inputs.externalID : nil
    }

    /// Refuses values that the entry does not allow, whoever stored them.
    func check(_ inputs: RequestInputs) throws(RequestError) {
        for parameter in connectionParameters {
            guard let value = self.parameter(parameter.name, inputs) else { continue }
            if let problem = parameter.ownProblem(with: value) { throw .badParameter(name: parameter.name, problem) }
        }
    }

    private func missing(_ template: Template, _ value: (Template.Variable) -> String?) -> RequestError {
        switch template.variables.first(where: { value($0)?.isEmpty ?? true }) {
        case .connection(let name)?: .missingParameter(name)
        case .named(let name)?: .missingValue(name)
        case nil: .noSuchRequest
        }
    }

    static func url(_ base: String, query pairs: [(String, String)]) -> String {
        guard !pairs.isEmpty else { return base }
        let query = pairs.map { PercentEncoding.segment($0.0) + "=" + PercentEncoding.segment($0.1) }.joined(
            separator: "&")
        if base.hasSuffix("?") || base.hasSuffix("&") { return base + query }
        return base + (base.contains("?") ? "&" : "?") + query
    }

    /// What is wrong with a channel's or app's connection parameters, as sentences; empty when they will do.
    ///
    /// - Parameter fromOperator: whether they come from the app or a superadmin, who alone set those of the operator.
    package func problems(withParameters values: [String: String], fromOperator: Bool) -> [String] {
        values.keys.sorted().compactMap { name in
            guard let parameter = connectionParameters.first(where: { $0.name == name }), let value = values[name]
            else {
                return "\(self.name) has no connection parameter “\(name.prefix(60))”."
            }
            if parameter.source == .operator, !fromOperator {
                return "“\(name)” is set on the app or by a superadmin only."
            }
            return parameter.problem(with: value).map { "“\(name)” \($0)." }
        }
    }

    /// The required connection parameters that neither these values nor a default fill.
    ///
    /// - Parameter values: the channel's and its app's together.
    package func missingParameters(in values: [String: String]) -> [String] {
        connectionParameters.filter { $0.isRequired && $0.defaultValue == nil && (values[$0.name] ?? "").isEmpty }.map(
            \.name)
    }
}
