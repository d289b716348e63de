import Domain
import Synchronization

extension SandboxProvider {
    /// The platform's consent page: `authorize` lists its accounts, `authorize/allow` and `authorize/deny` answer.
    func consent(_ platform: SandboxPlatform, _ tail: String, _ request: WireRequest) -> WireAnswer {
        let query = request.query
        let app = app(of: platform)
        guard let redirectURI = query["redirect_uri"] ?? app.redirectURI else {
            return .html(
                "No redirect URI", "<p>Register one for \(platform.rawValue), or send redirect_uri.</p>", status: 400)
        }
        switch tail {
        case "authorize":
            return page(platform, query)
        case "authorize/deny":
            return redirect(
                to: redirectURI, [("error", "access_denied"), ("state", query["state"] ?? "")])
        case "authorize/allow":
            guard let account = query["account"] else { return .html("No account", status: 400) }
            let code = authorizationCode(
                provider: platform, account: account, redirectURI: redirectURI, challenge: query["code_challenge"],
                scopes: (query["scope"] ?? "").split { $0 == " " || $0 == "," }.map(String.init))
            var parameters = [("code", code), ("state", query["state"] ?? "")]
            if platform == .amocrm { parameters.append(("referer", "\(account).amocrm.ru")) }
            if platform == .kommo { parameters.append(("referer", "\(account).kommo.com")) }
            return redirect(to: redirectURI, parameters)
        default: return .html("Not found", status: 404)
        }
    }

    private func page(_ platform: SandboxPlatform, _ query: WireParameters) -> WireAnswer {
        let known = snapshot().grants.filter { $0.key.provider == platform }
        // Who has lost the grant is who came here.
        let accounts = known.filter(\.isRevoked).map(\.key.account) + known.filter { !$0.isRevoked }.map(\.key.account)
        let tail = query.pairs.filter { $0.name != "account" }
            .map { "&" + percentEncoded($0.name) + "=" + percentEncoded($0.value) }.joined()
        let items = (accounts.prefix(100) + ["stranger"]).map { account in
            let link = escaped("/\(platform.rawValue)/authorize/allow?account=\(percentEncoded(account))\(tail)")
            return "<li><a href=\"\(link)\">Allow as \(escaped(account))</a></li>"
        }
        let deny = escaped("/\(platform.rawValue)/authorize/deny?\(tail.dropFirst())")
        return .html(
            "Sandbox \(platform.rawValue)",
            "<p>Which account gives its consent?</p><ul>\(items.joined())</ul><p><a href=\"\(deny)\">Deny</a></p>")
    }

    private func redirect(to address: String, _ parameters: [(String, String)]) -> WireAnswer {
        let query = parameters.filter { !$0.1.isEmpty }.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
        let location = address + (address.contains("?") ? "&" : "?") + query
        // A header must stay one line whatever the caller sent.
        guard !location.unicodeScalars.contains(where: { $0.value < 0x21 }) else {
            return .html("Bad redirect URI", status: 400)
        }
        return WireAnswer(
            status: 302, headers: [("Location", location), ("Cache-Control", "no-store")], contentType: "text/plain",
            body: "")
    }
}

func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
        switch character {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.append(character)
        }
    }
}
