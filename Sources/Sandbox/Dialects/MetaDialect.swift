import Domain
import FoundationEssentials

/// Facebook Login, Marketing API and WhatsApp: GET with a query; the access token itself is exchanged.
struct MetaDialect: Dialect {
    var prefixes: (access: String, refresh: String) { ("EAA", "EAA") }

    func call(_ path: String, _ request: WireRequest) -> Result<TokenCall, RefusalError>? {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count >= 2, parts[0].hasPrefix("v") else { return nil }
        let query = request.query
        switch (request.method, parts.dropFirst().joined(separator: "/")) {
        case ("GET", "oauth/access_token"), ("POST", "oauth/access_token"):
            var call = TokenCall(
                operation: .refresh, clientID: query["client_id"], clientSecret: query["client_secret"],
                redirectURI: query["redirect_uri"], codeVerifier: query["code_verifier"])
            if query["grant_type"] == nil, let code = query["code"] {
                call.operation = .exchange
                call.credential = code
                return .success(call)
            }
            return resolveGrant(&call, query, code: "code", names: ("fb_exchange_token", "fb_exchange_token"))
        case ("GET", "debug_token"):
            let app = (query["access_token"] ?? "").split(separator: "|", maxSplits: 1).map(String.init)
            return .success(
                TokenCall(
                    operation: .inspect, clientID: app.first, clientSecret: app.count > 1 ? app[1] : nil,
                    credential: query["input_token"]))
        case ("DELETE", let tail) where tail.hasSuffix("/permissions"):
            return .success(TokenCall(operation: .revoke, credential: query["access_token"], account: parts[1]))
        default: return nil
        }
    }

    func success(_ issue: Issue) -> JSONValue {
        ["access_token": issue.access, "token_type": "bearer", "expires_in": issue.expiresIn]
    }

    func refusal(_ refusal: Refusal, _ operation: Operation) -> WireAnswer {
        switch refusal {
        case .expired: graphError(Self.sessionExpired, 190, subcode: 463)
        case .dead, .spent, .suspended:
            graphError(
                operation == .exchange
                    ? "This authorization code has been used."
                    : "Error validating access token: The user has not authorized application.",
                operation == .exchange ? 100 : 190, subcode: operation == .exchange ? 36009 : 458)
        case .client: graphError("Error validating client secret.", 1)
        case .malformed(let what): graphError("Missing \(what) parameter.", 100)
        case .unsupportedGrant: graphError("Invalid grant_type parameter.", 100)
        case .rateLimited(let delay): graphThrottle(delay)
        case .server(let status):
            graphError(
                "An unexpected error has occurred. Please retry your request later.", 2, isTransient: true,
                status: status)
        }
    }

    func inspection(_ finding: Finding) -> WireAnswer {
        guard finding.appIsKnown else {
            return graphError(
                "Error validating application. Cannot get application info due to a system error.", 101)
        }
        guard let issue = finding.issue else {
            return WireAnswer(json: [
                "data": [
                    "error": [
                        "code": 190, "message": .string(Self.sessionExpired),
                        "subcode": finding.isExpired ? 463 : 458,
                    ],
                    "is_valid": false, "scopes": [],
                ]
            ])
        }
        let end = issue.pair.accessExpiresAt
        return WireAnswer(json: [
            "data": [
                "app_id": .string(issue.clientID), "type": "USER", "application": "Sandbox",
                "data_access_expires_at": .number(Int64(end.timeIntervalSince1970) + 30 * 86400),
                "expires_at": .number(Int64(end.timeIntervalSince1970)), "is_valid": true,
                "issued_at": .number(Int64(issue.pair.issuedAt.timeIntervalSince1970)),
                "scopes": .array(issue.pair.scopes.map { .string($0) }), "user_id": .string(issue.grant.account),
            ]
        ])
    }

    func revocation(known: Bool) -> WireAnswer {
        known ? WireAnswer(json: ["success": true]) : refusal(.dead, .revoke)
    }

    var notFound: WireAnswer {
        graphError("Unknown path components", 2500, status: 404)
    }

    static let sessionExpired = """
        Error validating access token: Session has expired on Wednesday, 14-Feb-18 18:00:00 PST. \
        The current time is Thursday, 15-Feb-18 13:46:35 PST.
        """
}

/// Instagram API with Instagram Login: no app credentials on a refresh, GET only, errors often without a subcode.
struct InstagramDialect: Dialect {
    /// A refresh proves nothing of the app; the code exchange is a POST with client and secret.
    var proof: AppProof { [] }
    var prefixes: (access: String, refresh: String) { ("IGAA", "IGAA") }

    func call(_ path: String, _ request: WireRequest) -> Result<TokenCall, RefusalError>? {
        let query = request.query
        var call = TokenCall(operation: .refresh, clientSecret: query["client_secret"])
        switch (request.method, path) {
        case ("GET", "refresh_access_token"):
            return resolveGrant(&call, query, code: "code", names: ("ig_refresh_token", "access_token"))
        case ("GET", "access_token"):
            return resolveGrant(&call, query, code: "code", names: ("ig_exchange_token", "access_token"))
        case ("POST", "oauth/access_token"):
            return formCall(path, request, operations: [path: .refresh])
        default: return nil
        }
    }

    func success(_ issue: Issue) -> JSONValue {
        let answer: JSONValue = [
            "access_token": issue.access, "token_type": "bearer", "expires_in": issue.expiresIn,
        ]
        // Only the code's answer says whose it is.
        guard issue.carriesRefresh else { return answer }
        return answer.setting("user_id", to: .string(issue.grant.account))
            .setting("permissions", to: .string(issue.pair.scopes.joined(separator: ",")))
    }

    func refusal(_ refusal: Refusal, _ operation: Operation) -> WireAnswer {
        switch refusal {
        case .expired: graphError(MetaDialect.sessionExpired, 190)
        case .dead, .spent, .suspended:
            graphError(
                """
                Error validating access token: The session has been invalidated because the user changed their \
                password or Facebook has changed the session for security reasons.
                """, 190)
        case .client:
            graphError("Error validating application. Cannot get application info due to a system error.", 101)
        case .malformed(let what): graphError("Missing \(what) parameter.", 100)
        case .unsupportedGrant:
            graphError("Unsupported request - method type: get", 100, type: "IGApiException")
        case .rateLimited(let delay): graphThrottle(delay)
        case .server(let status):
            graphError("An unexpected error has occurred.", 2, isTransient: true, status: status)
        }
    }

    var notFound: WireAnswer {
        graphError("Unsupported request - method type: post", 100, type: "IGApiException")
    }
}

extension Dialect {
    /// The Graph API's error envelope.
    fileprivate func graphError(
        _ message: String, _ code: Int64, subcode: Int64? = nil, type: String = "OAuthException",
        isTransient: Bool = false, status: Int = 400, headers: [(name: String, value: String)] = []
    ) -> WireAnswer {
        var error: JSONValue = ["message": .string(message), "type": .string(type)]
        if isTransient { error = error.setting("is_transient", to: true) }
        error = error.setting("code", to: .number(code))
        if let subcode { error = error.setting("error_subcode", to: .number(subcode)) }
        return WireAnswer(
            status: status, headers: headers, json: ["error": error.setting("fbtrace_id", to: "ASandboxTrace")])
    }

    /// Graph throttles with HTTP 400 and code 4; the wait stands in a header, in minutes.
    fileprivate func graphThrottle(_ delay: Duration) -> WireAnswer {
        let minutes = Int((delay.seconds / 60).rounded(.up))
        let usage = """
            {"1000000":[{"type":"messenger","call_count":100,"total_cputime":25,"total_time":25,\
            "estimated_time_to_regain_access":\(minutes)}]}
            """
        return graphError(
            "(#4) Application request limit reached", 4, isTransient: true,
            headers: [("X-Business-Use-Case-Usage", usage)])
    }
}
