import Domain

/// Why a callback's parameters are not used; nothing was sent.
package enum CallbackFault: Error, Sendable, Equatable {
    /// A parameter does not match its pattern, or is not the one the channel has.
    case parameter(String)
    /// `iss` names another authorization server (RFC 9207).
    case issuer
}

extension ProviderEntry {
    /// Whether a proof key goes with the consent: where one is demanded, and where the exchange can present it.
    package var usesProofKey: Bool {
        switch authorization.proofKey {
        case .none: false
        case .required: true
        case .optional:
            requests[.exchange]?.parameters.contains { $0.value.variables.contains(.named("code_verifier")) } ?? false
        }
    }

    /// The connection parameters that a consent's callback brings, each judged before anything is sent anywhere.
    ///
    /// - Parameters:
    ///   - query: of the callback.
    ///   - stored: the channel's parameters; what is there already must come back the same.
    package func parameters(
        ofCallback query: [(name: String, value: String)], stored: [String: String]
    ) throws(CallbackFault) -> [String: String] {
        var found = stored
        for parameter in connectionParameters {
            guard case .callback(let name) = parameter.source else { continue }
            let values = query.filter { $0.name == name }.map(\.value)
            guard let sent = values.first else { continue }
            guard values.count == 1, sent.hasSuffix(parameter.suffix) else { throw .parameter(parameter.name) }
            let value = String(sent.dropLast(parameter.suffix.count))
            guard parameter.problem(with: value) == nil, stored[parameter.name].map({ $0 == value }) ?? true else {
                throw .parameter(parameter.name)
            }
            found[parameter.name] = value
        }
        return found
    }

    /// Refuses a callback of another authorization server than the one the browser was sent to.
    ///
    /// Where the entry names no issuer, it must be on the consent page's own host.
    package func checkIssuer(_ issuer: String, of inputs: RequestInputs) throws(CallbackFault) {
        if let template = authorization.issuer {
            guard template.text(values(inputs)) == issuer else { throw .issuer }
            return
        }
        guard let consent = try? authorization.endpoint?.url(values(inputs)),
            let origin = EndpointURL.origin(of: consent), origin == EndpointURL.origin(of: issuer)
        else { throw .issuer }
    }

    /// The host and scheme of the consent page, for a policy of the page that leads there.
    package func consentOrigin(_ inputs: RequestInputs) -> String? {
        (try? authorization.endpoint?.url(values(inputs))).flatMap { EndpointURL.origin(of: $0) }
    }

    /// The connection parameter that is the account itself: a callback's, and part of where the code is redeemed.
    package var identityParameter: String? {
        let inExchange = requests[.exchange]?.endpoint.template.connectionParameters ?? []
        return connectionParameters.first { parameter in
            guard case .callback = parameter.source, parameter.values.isEmpty else { return false }
            return inExchange.contains(parameter.name)
        }?.name
    }

    /// Whether a consent proves which account gave it: by the answer, an identity token, or a call that can be made.
    package func provesIdentity(_ inputs: RequestInputs, scopes: [String]) -> Bool {
        var asked = inputs
        asked.credential.accessToken = Secret("probe")
        let scopes = scopes.isEmpty ? authorization.defaultScopes : scopes
        return identityParameter != nil || !answer.accountID.isEmpty || scopes.contains("openid")
            || ((try? identifyRequest(asked)) ?? nil) != nil
            || !inspection.accountID.isEmpty && ((try? inspectRequest(asked)) ?? nil) != nil
    }
}
