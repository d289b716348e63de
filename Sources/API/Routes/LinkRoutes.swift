package import Domain
package import FoundationEssentials
import Providers

/// What an application asks to connect for one of its users.
package struct ConnectOrder: Sendable, Equatable {
    package var tenantID: String
    package var userID: String?
    package var provider: String
    package var displayName: String?
    package var parameters: [String: String]
    /// Whose authority is in the link, for the audit.
    package var actor: String
}

/// A link that was made.
package struct MadeLink: Sendable, Equatable {
    package var url: String
    package var channelID: ChannelID
    /// Nil: it lives as long as its incident is open.
    package var expiresAt: Date?

    package init(url: String, channelID: ChannelID, expiresAt: Date?) {
        self.url = url
        self.channelID = channelID
        self.expiresAt = expiresAt
    }
}

/// Makes links to the pages of consent.
package protocol LinkMaking: Sendable {
    /// Nil for a disconnected channel.
    func link(for channel: Channel, actor: String) async throws -> MadeLink?
    /// Nil when what the link would carry is too long.
    func connect(_ order: ConnectOrder) async throws -> MadeLink?
}

/// `POST /v1/channels/{id}/link` and `POST /v1/connect`: links that a person opens in a browser.
struct LinkRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "POST", "/v1/channels/{id}/link",
            Operation(
                "linkChannel", "Makes a link that authorizes a channel again.", tag: "channels", access: .tenant,
                answers: [
                    .json(
                        .object(["link": .string("", format: "uri"), "expiresAt": .time.orNull]),
                        "Made; `expiresAt` is null while the link lives as long as its incident.")
                ])
        ) { request, path in try await link(request, ChannelID(rawValue: path["id"] ?? "")) }
        router.on(
            "POST", "/v1/connect",
            Operation(
                "connectChannel", "Makes a link that connects a new channel when its user has consented.",
                tag: "channels", access: .tenant,
                body: .object(
                    [
                        "tenantId": .string(length: 1...200), "userId": .string(length: 1...200),
                        "provider": .oneOf(ports.catalogue.names), "displayName": .string(length: 1...200),
                        "params": .map(of: .string()),
                    ], optional: ["tenantId", "userId", "displayName", "params"]),
                answers: [
                    .json(
                        .object([
                            "link": .string("", format: "uri"), "expiresAt": .time, "channelId": Operation.idSchema,
                        ]), status: 201, "Made: the channel appears under `channelId` when it is done."),
                    .problem(409, "The provider has no consent page, or no app is set up for it."),
                ])
        ) { request, _ in try await connect(request) }
    }

    private func link(_ request: APIRequest, _ id: ChannelID) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        guard let channel = try await ports.channels.channel(id, tenantID: tenant),
            let made = try await ports.links.link(for: channel, actor: caller.name)
        else { throw Problem.unknownChannel }
        return .json(["link": .string(made.url), "expiresAt": JSON(made.expiresAt)])
    }

    private func connect(_ request: APIRequest) async throws -> APIResponse {
        let (caller, tenant) = try await ports.scope(of: request)
        guard let body = try? JSON(parsing: request.body), case .object = body else {
            throw Problem.badRequest("The body is not a JSON object.")
        }
        let tenantID = body["tenantId"]?.text ?? tenant ?? "default"
        guard tenant ?? tenantID == tenantID else { throw Problem.forbidden }
        let provider = body["provider"]?.text ?? ""
        guard let entry = ports.catalogue[provider] else {
            throw Problem.badRequest("There is no provider `\(provider.prefix(40))`.")
        }
        var parameters: [String: String] = [:]
        if case .object(let members)? = body["params"] {
            for (name, value) in members { parameters[name] = value.text ?? "" }
        }
        if let problem = entry.problems(withParameters: parameters, fromOperator: tenant == nil).first {
            throw Problem.badRequest(problem)
        }
        guard entry.authorization.isAvailable, !entry.isDeprecated else {
            throw Problem(
                409, "no-consent-page", title: "Nobody can connect a channel of this provider by consent",
                detail: "\(entry.title) has no consent page for new channels.",
                hint: "Add the channel with its tokens by POST /v1/channels.")
        }
        guard ports.intake.apps.app(provider: provider, tenantID: tenantID) != nil else {
            throw Problem(
                409, "no-app", title: "No app is set up for this provider",
                detail: "The link would lead to a consent page that does not know who asks.",
                hint: "Set the provider's client id and secret.")
        }
        let order = ConnectOrder(
            tenantID: tenantID, userID: body["userId"]?.text, provider: provider,
            displayName: body["displayName"]?.text, parameters: parameters, actor: caller.name)
        guard let made = try await ports.links.connect(order) else {
            throw Problem.badRequest("`displayName` and `params` are too long for a link.")
        }
        return .json(
            [
                "link": .string(made.url), "expiresAt": JSON(made.expiresAt),
                "channelId": .string(made.channelID.rawValue),
            ], status: 201)
    }
}
