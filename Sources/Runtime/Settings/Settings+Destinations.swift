import Domain
import FoundationEssentials

extension SettingsReader {
    /// The destinations whose settings are complete; a half-given one is a problem.
    mutating func destinations(allowed: [NetworkRange]) -> [ConfiguredDestination] {
        var found: [ConfiguredDestination] = []
        if let url = outgoingURL("SLACK_WEBHOOK_URL", allowed: allowed) { found.append(.slackWebhook(url: url)) }
        let token = secret("SLACK_BOT_TOKEN")
        let channel = text("SLACK_CHANNEL")
        if let token, let channel {
            found.append(
                .slackBot(
                    token: token, channel: channel, signingSecret: secret("SLACK_SIGNING_SECRET"),
                    api: outgoingURL("SLACK_API_URL", allowed: allowed).map(SettingsReader.base)))
        } else if token != nil {
            refuse("SLACK_CHANNEL is not set though SLACK_BOT_TOKEN is: set both.")
        } else if channel != nil {
            refuse("SLACK_BOT_TOKEN is not set though SLACK_CHANNEL is: set both.")
        }
        if let email = email(allowed: allowed) { found.append(email) }
        let url = outgoingURL("WEBHOOK_URL", allowed: allowed)
        let secret = webhookSecret()
        if let url, let secret { found.append(.webhook(url: url, secret: secret)) }
        let given = (text("WEBHOOK_URL") != nil, text("WEBHOOK_SECRET") != nil)
        if given == (true, false) {
            refuse("WEBHOOK_SECRET is not set though WEBHOOK_URL is: set it to whsec_ and base64 of 32 random bytes.")
        } else if given == (false, true) {
            refuse("WEBHOOK_URL is not set though WEBHOOK_SECRET is: set both.")
        }
        return found
    }

    /// Without the slashes at its end.
    private static func base(_ url: Secret) -> Secret {
        var text = url.reveal()
        while text.hasSuffix("/") { text.removeLast() }
        return Secret(text)
    }

    private mutating func email(allowed: [NetworkRange]) -> ConfiguredDestination? {
        let names = ["SMTP_URL", "SMTP_FROM", "SUPERADMIN_EMAILS"]
        let texts = names.map { text($0) }
        guard texts.contains(where: { $0 != nil }) else { return nil }
        // The recipients alone are a list of people, not a half-given mail server.
        guard texts[0] != nil || texts[1] != nil else { return nil }
        for (name, text) in zip(names, texts) where text == nil {
            refuse(
                "\(name) is not set though \(texts[0] != nil ? "SMTP_URL" : "SMTP_FROM") is: mails need all of \(names.joined(separator: ", "))."
            )
        }
        let isServerGood = texts[0].map { checkServer($0, allowed: allowed) } ?? false
        let sender = texts[1].flatMap(SettingsReader.mailbox)
        if texts[1] != nil, sender == nil {
            refuse("SMTP_FROM", "is no e-mail address: write ops@example.com or Name <ops@example.com>.")
        }
        var recipients: [String] = []
        for piece in texts[2].map(list) ?? [] {
            guard let mailbox = SettingsReader.mailbox(piece), mailbox.name == nil else {
                refuse("SUPERADMIN_EMAILS", "holds \(quoted(piece)): write e-mail addresses with commas.")
                continue
            }
            recipients.append(mailbox.address)
        }
        guard isServerGood, let server = texts[0], let sender, !recipients.isEmpty else { return nil }
        return .email(
            server: Secret(server), sender: sender.address, senderName: sender.name, recipients: recipients)
    }

    private mutating func checkServer(_ text: String, allowed: [NetworkRange]) -> Bool {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme, ["smtp", "smtps"].contains(scheme),
            let host = parts.host, !host.isEmpty, parts.path.isEmpty || parts.path == "/",
            (parts.queryItems ?? []).allSatisfy({ $0.name == "tls" })
        else {
            refuse("SMTP_URL", "is not a mail server: write smtp://user:password@host:587 or smtps://….")
            return false
        }
        guard let tls = parts.queryItems?.first?.value else { return true }
        guard tls == "none", scheme == "smtp" else {
            refuse("SMTP_URL", "has tls=\(tls): only smtp://…?tls=none is known, without it STARTTLS is required.")
            return false
        }
        guard isAllowedLoopback(host, allowed) else {
            refuse(
                "SMTP_URL",
                "has tls=none, which only a loopback address inside TOKENWARD_ALLOW_NETWORKS may have: remove it.")
            return false
        }
        return true
    }

    private mutating func outgoingURL(_ name: String, allowed: [NetworkRange]) -> Secret? {
        guard let text = text(name) else { return nil }
        guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty, parts.user == nil,
            let scheme = parts.scheme, ["http", "https"].contains(scheme), parts.fragment == nil
        else {
            refuse(name, "is not an https URL: write the URL that receives the messages.")
            return nil
        }
        guard scheme == "https" || isAllowedLoopback(host, allowed) else {
            refuse(
                name,
                "is plain http, which only a loopback address inside TOKENWARD_ALLOW_NETWORKS may be: use https.")
            return nil
        }
        return Secret(text)
    }

    private func isAllowedLoopback(_ host: String, _ allowed: [NetworkRange]) -> Bool {
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let addresses =
            bare == "localhost"
            ? [[127, 0, 0, 1], Array(repeating: 0, count: 15) + [1]] : [IPAddressText.bytes(of: bare) ?? []]
        return addresses.contains { address in
            address.count >= 4 && IPAddressText.isLoopback(address) && allowed.contains { $0.contains(address) }
        }
    }

    private mutating func webhookSecret() -> Secret? {
        guard let text = text("WEBHOOK_SECRET") else { return nil }
        let encoded = text.hasPrefix("whsec_") ? String(text.dropFirst(6)) : ""
        guard let bytes = Data(base64Encoded: encoded), (24...64).contains(bytes.count) else {
            refuse(
                "WEBHOOK_SECRET", "is not whsec_ and base64 of 24 to 64 bytes: make one with openssl rand -base64 32.")
            return nil
        }
        return Secret(text)
    }

    /// `address` or `Name <address>`; nil when it could break a header or is no address.
    static func mailbox(_ text: String) -> (name: String?, address: String)? {
        guard !text.contains(where: \.isNewline), text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        var name: String?
        var address = text
        if let open = text.lastIndex(of: "<") {
            guard text.hasSuffix(">") else { return nil }
            address = String(text[text.index(after: open)...].dropLast())
            let given = text[..<open].trimmingWhitespace().filter { $0 != "\"" }
            name = given.isEmpty ? nil : given
        }
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        let isGood = parts.count == 2 && !parts[0].isEmpty && !parts[1].isEmpty && address.utf8.count <= 254
        guard isGood, address.allSatisfy({ $0.isASCII && !$0.isWhitespace && !"<>,;:\"()[]\\".contains($0) }) else {
            return nil
        }
        return (name, address)
    }
}
