import Domain
import FoundationEssentials

/// TikTok Login Kit v2: POST with a form, `client_key`, errors inside HTTP 200.
struct TikTokDialect: Dialect {
    var prefixes: (access: String, refresh: String) { ("act.", "rft.") }

    func call(_ path: String, _ request: WireRequest) -> Result<TokenCall, RefusalError>? {
        guard request.method == "POST" else { return nil }
        return formCall(
            path, request, operations: ["v2/oauth/token": .refresh, "v2/oauth/revoke": .revoke],
            clientID: "client_key")
    }

    func success(_ issue: Issue) -> JSONValue {
        [
            "access_token": issue.access, "expires_in": issue.expiresIn, "open_id": .string(issue.grant.account),
            "refresh_expires_in": issue.refreshExpiresIn ?? 31_536_000, "refresh_token": issue.refresh,
            "scope": .string(issue.pair.scopes.joined(separator: ",")), "token_type": "Bearer",
        ]
    }

    func refusal(_ refusal: Refusal, _ operation: Operation) -> WireAnswer {
        switch refusal {
        case .dead, .spent, .expired, .suspended:
            logged("invalid_grant", "Refresh token is invalid or expired.")
        case .client: logged("invalid_client", "Client key or secret is incorrect.")
        case .malformed: logged("invalid_request", "The request parameters are malformed.", status: 400)
        case .unsupportedGrant: logged("unsupported_grant_type", "Grant type is not supported.")
        case .rateLimited(let delay):
            logged("rate_limit_exceeded", "The API rate limit was exceeded.", status: 429, [retryAfter(delay)])
        case .server(let status): logged("server_error", "Internal service error.", status: status)
        }
    }

    func revocation(known: Bool) -> WireAnswer { WireAnswer(json: [:]) }

    private func logged(
        _ code: String, _ description: String, status: Int = 200, _ headers: [(name: String, value: String)] = []
    ) -> WireAnswer {
        WireAnswer(
            status: status, headers: headers,
            json: ["error": .string(code), "error_description": .string(description), "log_id": requestID()])
    }
}

/// TikTok Open API v1: POST with a query, no secret on a refresh, everything inside `data` and HTTP 200.
struct TikTokLegacyDialect: Dialect {
    var proof: AppProof { .identifier }
    var prefixes: (access: String, refresh: String) { ("act.1.", "rft.1.") }

    func call(_ path: String, _ request: WireRequest) -> Result<TokenCall, RefusalError>? {
        guard request.method == "POST" else { return nil }
        let query = request.query
        var call = TokenCall(operation: .refresh, clientID: query["client_key"], clientSecret: query["client_secret"])
        switch path {
        case "oauth/refresh_token/", "oauth/access_token/": return resolveGrant(&call, query, code: "code")
        case "oauth/revoke/":
            call.operation = .revoke
            call.credential = query["access_token"]
            return .success(call)
        default: return nil
        }
    }

    func success(_ issue: Issue) -> JSONValue {
        [
            "data": [
                "access_token": issue.access, "captcha": "", "desc_url": "", "description": "", "error_code": 0,
                "expires_in": issue.expiresIn, "log_id": requestID(), "open_id": .string(issue.grant.account),
                "refresh_expires_in": issue.refreshExpiresIn ?? 31_536_000, "refresh_token": issue.refresh,
                "scope": .string(issue.pair.scopes.joined(separator: ",")),
            ],
            "message": "success",
        ]
    }

    func refusal(_ refusal: Refusal, _ operation: Operation) -> WireAnswer {
        switch refusal {
        case .dead, .spent, .expired, .suspended:
            operation == .exchange ? data(10007, "Authorization code expired") : data(10010, "Refresh token expired")
        case .client: data(10003, "client_key error")
        case .malformed(let what): data(10002, "Parameter error: \(what)")
        case .unsupportedGrant: data(10002, "Parameter error: grant_type")
        case .rateLimited(let delay):
            WireAnswer(status: 429, headers: [retryAfter(delay)], json: ["message": "Too Many Requests"])
        case .server(let status): data(2_100_004, "System is busy", status: status)
        }
    }

    func revocation(known: Bool) -> WireAnswer {
        WireAnswer(json: ["data": ["error_code": 0, "description": ""], "message": "success"])
    }

    private func data(_ code: Int64, _ description: String, status: Int = 200) -> WireAnswer {
        WireAnswer(
            status: status,
            json: [
                "data": [
                    "captcha": "", "desc_url": "", "description": .string(description), "error_code": .number(code),
                    "log_id": requestID(),
                ],
                "message": "error",
            ])
    }
}

/// TikTok Shop: GET with a query, `code` in the body, times as epoch seconds; POST is not found.
struct TikTokShopDialect: Dialect {
    var prefixes: (access: String, refresh: String) { ("TTP_", "TTP_R") }

    func call(_ path: String, _ request: WireRequest) -> Result<TokenCall, RefusalError>? {
        guard request.method == "GET" else { return nil }
        let query = request.query
        var call = TokenCall(operation: .refresh, clientID: query["app_key"], clientSecret: query["app_secret"])
        switch path {
        case "api/v2/token/refresh", "api/v2/token/get":
            return resolveGrant(&call, query, code: "auth_code", exchangeType: "authorized_code")
        default: return nil
        }
    }

    func success(_ issue: Issue) -> JSONValue {
        let end = issue.pair.refreshExpiresAt ?? issue.now.addingTimeInterval(365 * 86400)
        return [
            "code": 0, "message": "success",
            "data": [
                "access_token": issue.access,
                "access_token_expire_in": .number(Int64(issue.pair.accessExpiresAt.timeIntervalSince1970.rounded())),
                "refresh_token": issue.refresh,
                "refresh_token_expire_in": .number(Int64(end.timeIntervalSince1970.rounded())),
                "open_id": .string(issue.grant.account), "seller_name": .string("Sandbox \(issue.grant.account)"),
                "seller_base_region": "ID", "user_type": 0,
                "granted_scopes": .array(issue.pair.scopes.map { .string($0) }),
            ],
            "request_id": requestID(),
        ]
    }

    func refusal(_ refusal: Refusal, _ operation: Operation) -> WireAnswer {
        switch refusal {
        case .dead, .spent, .expired:
            operation == .exchange
                ? coded(36_004_004, "invalid auth code") : coded(36_004_005, "can not find related auth record")
        case .client: coded(36_009_004, "Invalid credentials. Invalid `app_key` query parameter.", status: 400)
        case .suspended: coded(36_009_043, "The shop has been deactivated", status: 403)
        case .malformed(let what): coded(36_009_004, "Invalid `\(what)` query parameter.", status: 400)
        case .unsupportedGrant: coded(36_009_004, "Invalid `grant_type` query parameter.", status: 400)
        case .rateLimited(let delay): coded(36_009_002, "Too many requests", status: 429, [retryAfter(delay)])
        case .server(let status): coded(36_009_003, "Internal error", status: status)
        }
    }

    private func coded(
        _ code: Int64, _ message: String, status: Int = 200, _ headers: [(name: String, value: String)] = []
    ) -> WireAnswer {
        WireAnswer(
            status: status, headers: headers,
            json: ["code": .number(code), "message": .string(message), "request_id": requestID()])
    }
}
