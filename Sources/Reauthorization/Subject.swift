import Domain
import FoundationEssentials
import Providers

/// What a link leads to now.
enum Subject: Sendable {
    /// Not ours, or of something that is gone.
    case unknown
    case expired
    /// The channel was mended, or connected, since the link was made.
    case done(Channel, isConnection: Bool)
    case open(OpenLink)
}

/// A link with something to do.
struct OpenLink: Sendable {
    /// The link's own path: where its forms lead and where a finished flow comes back to.
    var path: String
    /// What a consent through it is for; the actor is the link until somebody signs in.
    var target: AuthorizationTarget
    /// Nil when it connects a new one.
    var channel: Channel?
    var incident: Incident?
    var parameters: [String: String]
    /// Asked for; empty asks for the entry's.
    var scopes: [String]
    /// An API caller's authority is in the link: no sign-in is needed to connect.
    var isTicket: Bool
}

extension Reauthorization {
    func subject(_ kind: LinkKind, _ text: String) async throws -> Subject {
        let path = "/\(kind.rawValue)/\(text)"
        if kind == .reauthorize, let link = RepairLink(text: text, signedWith: ring) {
            return try await subject(of: link, path: path)
        }
        guard let ticket = Ticket(text: text, sealedWith: ring), (ticket.grant == nil) == (kind == .connect) else {
            return .unknown
        }
        return try await subject(of: ticket, path: path)
    }

    private func subject(of link: RepairLink, path: String) async throws -> Subject {
        guard let incident = try await ports.incidents.incident(link.incidentID, tenantID: nil),
            let channel = try await ports.channels.channel(link.channelID, tenantID: nil),
            channel.status != .disconnected
        else { return .unknown }
        guard incident.isOpen, channel.warning != nil,
            let grant = try await ports.authorizations.grantID(of: channel.id)
        else { return .done(channel, isConnection: false) }
        return .open(repair(channel, grant: grant, incident: incident, actor: "re-authorization link", path: path))
    }

    private func subject(of ticket: Ticket, path: String) async throws -> Subject {
        let channel = try await ports.channels.channel(ticket.channelID, tenantID: ticket.tenant)
        if let grant = ticket.grant {
            guard let channel, let current = try await ports.authorizations.grantID(of: channel.id) else {
                return .unknown
            }
            guard current == grant else { return .done(channel, isConnection: false) }
            guard ticket.expiresAt > now() else { return .expired }
            return .open(repair(channel, grant: grant, incident: nil, actor: ticket.actor, path: path))
        }
        if let channel { return .done(channel, isConnection: true) }
        guard ticket.expiresAt > now() else { return .expired }
        return .open(
            OpenLink(
                path: path,
                target: AuthorizationTarget(
                    channelID: ticket.channelID, tenantID: ticket.tenant, userID: ticket.user,
                    provider: ticket.provider, appID: appID(ticket.provider, ticket.tenant),
                    displayName: ticket.name, grantID: nil, actor: ticket.actor, isSignedIn: false),
                channel: nil, incident: nil, parameters: ticket.params, scopes: [], isTicket: true))
    }

    private func repair(
        _ channel: Channel, grant: Int64, incident: Incident?, actor: String, path: String
    ) -> OpenLink {
        OpenLink(
            path: path,
            target: AuthorizationTarget(
                channelID: channel.id, tenantID: channel.tenantID, userID: channel.userID,
                provider: channel.provider, appID: appID(channel.provider, channel.tenantID),
                displayName: channel.displayName, grantID: grant, actor: actor, isSignedIn: false),
            channel: channel, incident: incident, parameters: channel.parameters, scopes: channel.scopes,
            isTicket: incident == nil)
    }

    private func appID(_ provider: String, _ tenant: String) -> String {
        ports.apps.app(provider: provider, tenantID: tenant)?.id ?? provider
    }
}

/// Everything a consent needs, or why there cannot be one.
struct ConsentPlan: Sendable {
    enum Obstacle: String, Error, Sendable {
        /// The catalogue has no entry, or no consent page, or takes no new channels.
        case noConsentPage = "no_consent_page"
        case noApp = "no_app"
        /// The app's redirect address is not on this host.
        case redirectElsewhere = "redirect_elsewhere"
        case parameterMissing = "parameter_missing"
        /// The public URL is plain http.
        case insecure
    }

    var entry: ProviderEntry
    var app: App
    var redirectURI: String
    var inputs: RequestInputs
    var scopes: [String]
    /// Of the page that the button leads to.
    var origin: String
    /// Nobody needs to sign in: whoever consents proves whose account it is, and that is the channel's.
    var provesAccount: Bool
}

extension Reauthorization {
    func plan(_ link: OpenLink) -> Result<ConsentPlan, ConsentPlan.Obstacle> {
        let target = link.target
        guard let entry = ports.catalogue[target.provider], entry.authorization.isAvailable,
            entry.hasRequest(.exchange), !(entry.isDeprecated && target.isConnection)
        else { return .failure(.noConsentPage) }
        guard site.mayCarrySecrets else { return .failure(.insecure) }
        guard let app = ports.apps.app(provider: target.provider, tenantID: target.tenantID) else {
            return .failure(.noApp)
        }
        let redirectURI = app.redirectURI ?? site.publicURL + "/oauth/callback/" + target.provider
        guard site.path(of: redirectURI) != nil else { return .failure(.redirectElsewhere) }
        var inputs = RequestInputs(
            credential: Credential(scopes: link.scopes, parameters: link.parameters), app: app,
            secret: app.secrets.first, externalID: link.channel?.externalID)
        inputs.redirectURI = redirectURI
        guard (try? entry.authorizeURL(inputs, state: "x")) != nil, let origin = entry.consentOrigin(inputs) else {
            return .failure(.parameterMissing)
        }
        let isKnownAccount =
            entry.identityParameter.map { link.parameters[$0] != nil } ?? (link.channel?.externalID != nil)
        return .success(
            ConsentPlan(
                entry: entry, app: app, redirectURI: redirectURI, inputs: inputs, scopes: link.scopes, origin: origin,
                provesAccount: isKnownAccount && entry.provesIdentity(inputs, scopes: link.scopes)))
    }

    /// A link repairs without sign-in where the account is known and proven; an API caller's ticket connects.
    func needsSignIn(_ link: OpenLink, _ plan: ConsentPlan) -> Bool {
        link.target.isConnection ? !link.isTicket : !plan.provesAccount
    }
}
