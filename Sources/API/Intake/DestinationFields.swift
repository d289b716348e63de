package import Domain
package import FoundationEssentials

/// A destination as people write it, in a request's body or on the command line.
package struct DestinationFields: Sendable {
    /// As `/v1/destinations` takes it; a member that is missing leaves what there is.
    package var json: JSON

    package init(_ json: JSON) { self.json = json }

    /// How long a webhook's former secret still signs.
    package static let rotation = Duration.seconds(86400)

    /// A new destination, and the webhook's secret when it was made here.
    ///
    /// - Throws: ``IntakeError`` with what is missing.
    package func made(
        tenantID: String?, generatedSecret: () -> Secret
    ) throws(IntakeError) -> (destination: Destination, secret: Secret?) {
        guard let name = json["name"]?.text else { throw IntakeError("`name` is required") }
        guard let kind = json["kind"]?.text.flatMap(DestinationKind.init) else {
            throw IntakeError("`kind` is one of \(DestinationKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        var made: Secret?
        let configuration: DestinationConfiguration
        switch kind {
        case .slackWebhook: configuration = .slackWebhook(url: try secret("url"))
        case .slackBot:
            configuration = .slackBot(
                token: try secret("token"), channel: try text("channel"),
                signingSecret: json["signingSecret"]?.text.map { Secret($0) },
                api: json["api"]?.text.map { Secret($0) })
        case .email: configuration = .email(server: try secret("server"), sender: try text("sender"))
        case .webhook:
            let given = json["secret"]?.text.map { Secret($0) }
            if given == nil { made = generatedSecret() }
            configuration = .webhook(url: try secret("url"), secret: given ?? made ?? Secret(""))
        }
        var destination = Destination(
            id: Destination.generatedID(), tenantID: tenantID, name: name, configuration: configuration)
        lay(on: &destination)
        return (destination, made)
    }

    /// Lays what is given over a destination; the kind stays.
    ///
    /// A new webhook secret replaces the old one, which signs beside it for a day; `rotateSecret` makes one.
    ///
    /// - Returns: the webhook's secret when it was made here.
    package func change(
        _ destination: inout Destination, now: Date, generatedSecret: () -> Secret
    ) throws(IntakeError) -> Secret? {
        if let kind = json["kind"]?.text, kind != destination.kind.rawValue {
            throw IntakeError("the kind of a destination stays as it is: make another one")
        }
        if let name = json["name"]?.text { destination.name = name }
        lay(on: &destination)
        let url = json["url"]?.text.map { Secret($0) }
        var made: Secret?
        switch destination.configuration {
        case .slackWebhook(let old): destination.configuration = .slackWebhook(url: url ?? old)
        case .slackBot(let token, let channel, let signingSecret, let api):
            destination.configuration = .slackBot(
                token: json["token"]?.text.map { Secret($0) } ?? token, channel: json["channel"]?.text ?? channel,
                signingSecret: json["signingSecret"]?.text.map { Secret($0) } ?? signingSecret,
                api: json["api"]?.text.map { Secret($0) } ?? api)
        case .email(let server, let sender):
            destination.configuration = .email(
                server: json["server"]?.text.map { Secret($0) } ?? server, sender: json["sender"]?.text ?? sender)
        case .webhook(let old, let secret, let retiring):
            if json["rotateSecret"] == true { made = generatedSecret() }
            let new = made ?? json["secret"]?.text.map { Secret($0) } ?? secret
            destination.configuration = .webhook(
                url: url ?? old, secret: new,
                retiring: new == secret ? retiring : RetiringSecret(secret: secret, until: now.later(by: Self.rotation))
            )
        }
        return made
    }

    private func lay(on destination: inout Destination) {
        if case .bool(let isDefault)? = json["isDefault"] { destination.isDefault = isDefault }
        if case .array? = json["recipients"] { destination.recipients = json.texts("recipients") }
        if let above = json["escalatesTo"] { destination.escalatesTo = above.text }
        if let match = json["match"], !match.isNull {
            destination.match = DestinationMatch(
                tenants: match.texts("tenants"), providers: match.texts("providers"), types: match.texts("types"),
                minimumSeverity: match["minimumSeverity"]?.text.flatMap(Severity.init))
        }
    }

    private func text(_ member: String) throws(IntakeError) -> String {
        guard let text = json[member]?.text else { throw IntakeError("this kind of destination needs `\(member)`") }
        return text
    }

    private func secret(_ member: String) throws(IntakeError) -> Secret { Secret(try text(member)) }
}
