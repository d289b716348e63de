import Domain
import FoundationEssentials

/// amoCRM and Kommo: POST with JSON to the account's own host (here the first path segment), `redirect_uri` required,
/// a new refresh token each time and the old one dead at once.
struct AmoDialect: Dialect {
    var proof: AppProof { [.identifier, .secret, .redirectURI] }
    var prefixes: (access: String, refresh: String) { ("eyJ0eXAi.", "def50200") }

    func call(_ path: String, _ request: WireRequest) -> Result<TokenCall, RefusalError>? {
        let parts = path.split(separator: "/").map(String.init)
        guard request.method == "POST", parts.count == 3, parts[1...] == ["oauth2", "access_token"] else { return nil }
        guard request.mediaType == "application/json" else {
            return .failure(RefusalError(.malformed("content type")))
        }
        let body = WireParameters(json: request.body)
        var call = TokenCall(
            operation: .refresh, clientID: body["client_id"], clientSecret: body["client_secret"],
            redirectURI: body["redirect_uri"], account: parts[0])
        return resolveGrant(&call, body, code: "code")
    }

    func success(_ issue: Issue) -> JSONValue {
        [
            "token_type": "Bearer", "expires_in": issue.expiresIn,
            "server_time": .number(Int64(issue.now.timeIntervalSince1970)), "access_token": issue.access,
            "refresh_token": issue.refresh,
        ]
    }

    func refusal(_ refusal: Refusal, _ operation: Operation) -> WireAnswer {
        switch refusal {
        case .dead where operation == .exchange: problem(400, hint: "Authorization code has been revoked")
        case .dead, .spent, .expired: problem(401, hint: "Token has been revoked")
        case .client:
            problem(401, title: "Некорректный клиент", detail: "Авторизация клиента не прошла")
        case .suspended: problem(402, title: "Payment Required", detail: "Аккаунт не оплачен")
        case .malformed: problem(400, hint: "Check the request parameters")
        case .unsupportedGrant: problem(400, hint: "Check the `grant_type` parameter")
        case .rateLimited(let delay):
            WireAnswer(
                status: 429, headers: [retryAfter(delay)],
                json: ["title": "Too Many Requests", "retry_after": .number(Int64(delay.seconds.rounded(.up)))])
        case .server(let status): .html("\(status) Bad Gateway", "<hr><center>nginx</center>", status: status)
        }
    }

    private func problem(
        _ status: Int, hint: String? = nil, title: String = "Некорректный запрос",
        detail: String = "В запросе отсутствует ряд параметров или параметры невалидны"
    ) -> WireAnswer {
        var body: JSONValue = [:]
        if let hint { body = ["hint": .string(hint)] }
        body = body.setting("title", to: .string(title))
            .setting("type", to: "https://developers.amocrm.ru/v3/errors/OAuthProblemJson")
            .setting("status", to: .number(Int64(status))).setting("detail", to: .string(detail))
        var answer = WireAnswer(status: status, json: body)
        answer.setContentType("application/problem+json")
        return answer
    }
}
