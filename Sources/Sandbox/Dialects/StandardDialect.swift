import Domain
import FoundationEssentials

/// RFC 6749, 7009 and 7662: POST with a form, client in the body or as Basic, a new refresh token each time.
struct StandardDialect: Dialect {
    var prefixes: (access: String, refresh: String) { ("at-", "rt-") }

    func call(_ path: String, _ request: WireRequest) -> Result<TokenCall, RefusalError>? {
        guard request.method == "POST" else { return nil }
        return formCall(
            path, request, operations: ["token": .refresh, "introspect": .inspect, "revoke": .revoke])
    }

    func success(_ issue: Issue) -> JSONValue {
        var answer: JSONValue = [
            "access_token": issue.access, "token_type": "Bearer", "expires_in": issue.expiresIn,
        ]
        if issue.carriesRefresh { answer = answer.setting("refresh_token", to: issue.refresh) }
        if let end = issue.refreshExpiresIn { answer = answer.setting("refresh_token_expires_in", to: end) }
        return answer.setting("scope", to: .string(issue.pair.scopes.joined(separator: " ")))
    }

    func refusal(_ refusal: Refusal, _ operation: Operation) -> WireAnswer {
        switch refusal {
        case .dead, .spent, .expired, .suspended:
            error(400, "invalid_grant", "The refresh token is expired or revoked")
        case .client:
            error(
                401, "invalid_client", "Client authentication failed",
                [("WWW-Authenticate", "Basic realm=\"sandbox\"")])
        case .malformed(let what): error(400, "invalid_request", "Missing or malformed parameter: \(what)")
        case .unsupportedGrant: error(400, "unsupported_grant_type", "This grant type is not supported")
        case .rateLimited(let delay): error(429, "too_many_requests", "Slow down", [retryAfter(delay)])
        case .server(let status):
            error(status, status == 503 ? "temporarily_unavailable" : "server_error", "Try again later")
        }
    }

    func inspection(_ finding: Finding) -> WireAnswer {
        guard finding.appIsKnown else { return refusal(.client, .inspect) }
        guard let issue = finding.issue else { return WireAnswer(json: ["active": false]) }
        return WireAnswer(json: [
            "active": true, "client_id": .string(issue.clientID), "sub": .string(issue.grant.account),
            "exp": .number(Int64(issue.pair.accessExpiresAt.timeIntervalSince1970)),
            "scope": .string(issue.pair.scopes.joined(separator: " ")),
        ])
    }

    /// RFC 7009 §2.2: 200 even for a token nobody knows.
    func revocation(known: Bool) -> WireAnswer { WireAnswer(json: [:]) }
}

/// Google: as RFC 6749, but refreshes carry no refresh token and it never changes.
struct GoogleDialect: Dialect {
    var prefixes: (access: String, refresh: String) { ("ya29.", "1//0") }

    func call(_ path: String, _ request: WireRequest) -> Result<TokenCall, RefusalError>? {
        if path == "tokeninfo", request.method == "GET" {
            return .success(TokenCall(operation: .inspect, credential: request.query["access_token"]))
        }
        if path == "channels", request.method == "GET" {
            let token = (request.header("authorization") ?? "").split(separator: " ").last.map(String.init)
            return .success(TokenCall(operation: .inspect, credential: token))
        }
        guard request.method == "POST" else { return nil }
        return formCall(path, request, operations: ["token": .refresh, "revoke": .revoke])
    }

    func success(_ issue: Issue) -> JSONValue {
        var answer: JSONValue = ["access_token": issue.access, "expires_in": issue.expiresIn]
        if issue.carriesRefresh { answer = answer.setting("refresh_token", to: issue.refresh) }
        if let end = issue.refreshExpiresIn { answer = answer.setting("refresh_token_expires_in", to: end) }
        return answer.setting("scope", to: .string(issue.pair.scopes.joined(separator: " ")))
            .setting("token_type", to: "Bearer")
    }

    func refusal(_ refusal: Refusal, _ operation: Operation) -> WireAnswer {
        switch refusal {
        case .dead, .spent, .expired: error(400, "invalid_grant", "Token has been expired or revoked.")
        case .suspended: error(400, "invalid_grant", "Account has been deleted")
        case .client: error(401, "invalid_client", "The OAuth client was not found.")
        case .malformed(let what): error(400, "invalid_request", "Missing required parameter: \(what)")
        case .unsupportedGrant: error(400, "unsupported_grant_type", "Invalid grant_type")
        case .rateLimited(let delay):
            // Throttles come from the gateway in front, in the form of Google's APIs.
            WireAnswer(
                status: 429, headers: [retryAfter(delay)],
                json: [
                    "error": [
                        "code": 429, "message": "Resource has been exhausted (e.g. check quota).",
                        "status": "RESOURCE_EXHAUSTED",
                    ]
                ])
        case .server(let status): error(status, "internal_failure", "Backend Error")
        }
    }

    func inspection(_ finding: Finding) -> WireAnswer {
        guard let issue = finding.issue else { return error(400, "invalid_token", "Invalid Value") }
        return WireAnswer(json: [
            "azp": .string(issue.clientID), "aud": .string(issue.clientID), "sub": .string(issue.grant.account),
            "scope": .string(issue.pair.scopes.joined(separator: " ")),
            "exp": .string("\(Int64(issue.pair.accessExpiresAt.timeIntervalSince1970))"),
            "expires_in": .string(issue.expiresIn.scalar ?? "0"), "access_type": "offline",
            // The Data API's list of the token's channels, which answers here too.
            "items": [["id": .string(issue.grant.account)]],
        ])
    }

    func revocation(known: Bool) -> WireAnswer {
        known ? WireAnswer(json: [:]) : error(400, "invalid_token", "Token expired or revoked")
    }
}

extension Dialect {
    /// `{"error": …, "error_description": …}`.
    func error(
        _ status: Int, _ code: String, _ description: String, _ headers: [(name: String, value: String)] = []
    ) -> WireAnswer {
        WireAnswer(
            status: status, headers: headers,
            json: ["error": .string(code), "error_description": .string(description)])
    }

    /// Reads a form whose `grant_type` tells a refresh from an exchange; a form that is not one is malformed.
    func formCall(
        _ path: String, _ request: WireRequest, operations: [String: Operation], clientID idName: String = "client_id"
    ) -> Result<TokenCall, RefusalError>? {
        guard let operation = operations[path.hasSuffix("/") ? String(path.dropLast()) : path] else { return nil }
        guard request.mediaType == "application/x-www-form-urlencoded" else {
            return .failure(RefusalError(.malformed("content type")))
        }
        let form = WireParameters(formEncoded: request.text)
        let basic = request.header("authorization").flatMap(basicCredentials)
        var call = TokenCall(
            operation: operation, clientID: basic?.id ?? form[idName],
            clientSecret: basic?.secret ?? form["client_secret"], redirectURI: form["redirect_uri"],
            codeVerifier: form["code_verifier"])
        guard operation == .refresh else {
            call.credential = form["token"]
            return .success(call)
        }
        return resolveGrant(&call, form, code: "code")
    }

    /// Takes the credential that `grant_type` names; `names` are the refresh grant's type and parameter.
    func resolveGrant(
        _ call: inout TokenCall, _ parameters: WireParameters, code: String,
        names: (type: String, parameter: String) = ("refresh_token", "refresh_token"),
        exchangeType: String = "authorization_code"
    ) -> Result<TokenCall, RefusalError> {
        switch parameters["grant_type"] {
        case names.type: call.credential = parameters[names.parameter]
        case exchangeType:
            call.operation = .exchange
            call.credential = parameters[code]
        case nil: return .failure(RefusalError(.malformed("grant_type")))
        default: return .failure(RefusalError(.unsupportedGrant))
        }
        guard call.credential != nil else {
            return .failure(RefusalError(.malformed(call.operation == .exchange ? code : names.parameter)))
        }
        return .success(call)
    }
}
