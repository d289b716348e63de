import API
import Domain
import FoundationEssentials
import Logging
import Reauthorization

extension PageRequest {
    /// The routes' request as the pages see it.
    init(_ request: APIRequest) {
        self.init(
            method: request.method, path: request.path, query: request.query, headers: request.headers,
            body: request.body, remoteAddress: request.remoteAddress)
    }
}

extension APIResponse {
    init(_ answer: PageAnswer) {
        self.init(status: answer.status, headers: answer.headers, body: Array(answer.html.utf8))
    }
}

extension Installation {
    /// The pages of this process, over its own journal and its own outgoing connections.
    func reauthorization(_ ports: RefreshPorts, publicURL: String, logger: Logger) -> Reauthorization {
        Reauthorization(
            ports: .init(
                channels: store, incidents: store, authorizations: store, tokens: store, apps: apps,
                journal: ports.journal, sender: CurlTransport(client: ports.curl), catalogue: catalogue),
            ring: ring, templates: templates, language: settings.relay.language, publicURL: publicURL,
            redirectURIs: apps.all.compactMap(\.redirectURI), logger: logger)
    }
}

/// The API's order for links, made by the pages' own module.
extension RepairLinks: LinkMaking {
    func link(for channel: Channel, actor: String) async throws -> MadeLink? {
        try await url(of: channel, actor: actor).map {
            MadeLink(url: $0.url, channelID: channel.id, expiresAt: $0.expiresAt)
        }
    }

    func connect(_ order: ConnectOrder) async throws -> MadeLink? {
        let ticket = Ticket(
            channel: .generated(), tenant: order.tenantID, user: order.userID, provider: order.provider,
            name: order.displayName, params: order.parameters, grant: nil, actor: order.actor,
            expiresAt: Date().addingTimeInterval(Ticket.lifetime))
        return try connect(ticket).map {
            MadeLink(url: $0, channelID: ticket.channelID, expiresAt: ticket.expiresAt)
        }
    }
}
