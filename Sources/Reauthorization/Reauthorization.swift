package import Domain
package import FoundationEssentials
package import Logging
package import Providers
package import Sealing
package import Templates

/// The pages that lead a person through a provider's consent, and what becomes of it (PROTOCOL §8).
///
/// GET shows and changes nothing; buttons act; the provider's callback redeems a code once.
package struct Reauthorization: Sendable {
    /// What the pages talk to.
    package struct Ports: Sendable {
        package var channels: any ChannelDirectory
        package var incidents: any RelayDirectory
        package var authorizations: any AuthorizationStore
        package var tokens: any APITokenDirectory
        package var apps: any AppDirectory
        package var journal: any AnswerJournal
        package var sender: any HTTPSending
        package var catalogue: Catalogue

        package init(
            channels: any ChannelDirectory, incidents: any RelayDirectory, authorizations: any AuthorizationStore,
            tokens: any APITokenDirectory, apps: any AppDirectory, journal: any AnswerJournal,
            sender: any HTTPSending, catalogue: Catalogue
        ) {
            self.channels = channels
            self.incidents = incidents
            self.authorizations = authorizations
            self.tokens = tokens
            self.apps = apps
            self.journal = journal
            self.sender = sender
            self.catalogue = catalogue
        }
    }

    let ports: Ports
    let ring: KeyRing
    let pages: Pages
    let site: Site
    let redirectPaths: Set<String>
    let clock: any LocalClock
    let now: @Sendable () -> Date
    let logger: Logger
    let exchange: CodeExchange
    let finisher: Finisher
    private let perAddress: RateLimit
    private let perLink: RateLimit
    private let signIns: RateLimit

    /// - Parameters:
    ///   - publicURL: the base of all links.
    ///   - redirectURIs: apps' own, besides `/oauth/callback/{provider}`; those on this host are served.
    ///   - language: of pages for browsers that ask for none of ours.
    package init(
        ports: Ports, ring: KeyRing, templates: MessageTemplates, language: String, publicURL: String,
        redirectURIs: [String], clock: any LocalClock = SystemClock(),
        now: @escaping @Sendable () -> Date = { Date() }, logger: Logger
    ) {
        self.ports = ports
        self.ring = ring
        self.clock = clock
        self.now = now
        self.logger = logger
        let site = Site(publicURL: publicURL)
        self.site = site
        redirectPaths = Set(redirectURIs.compactMap { site.path(of: $0) })
        pages = Pages(templates: templates, language: language)
        exchange = CodeExchange(
            authorizations: ports.authorizations, journal: ports.journal, sender: ports.sender, now: now,
            logger: logger)
        finisher = Finisher(
            channels: ports.channels, authorizations: ports.authorizations, apps: ports.apps, sender: ports.sender,
            catalogue: ports.catalogue, now: now, logger: logger)
        perAddress = RateLimit(120, per: .seconds(60), clock: clock)
        perLink = RateLimit(20, per: .seconds(600), clock: clock)
        signIns = RateLimit(10, per: .seconds(60), clock: clock)
    }

    /// Unfinished authorizations are brought to their end by this service of the same process.
    package func sweep(heartbeats: Heartbeats) -> AuthorizationSweep {
        AuthorizationSweep(
            authorizations: ports.authorizations, exchange: exchange, finisher: finisher, heartbeats: heartbeats,
            clock: clock, logger: logger)
    }

    /// Answers a request for one of these pages; nil when the path is none of theirs.
    package func answer(_ request: PageRequest) async throws -> PageAnswer? {
        let language = request.language(among: MessageTemplates.languages, fallback: pages.language)
        let visit = Visit(request: request, pages: pages.speaking(language))
        if let provider = callbackProvider(request.path) {
            guard perAddress.take(request.remoteAddress) else { return try visit.pages.notice(.tooMany) }
            guard request.method == "GET" else { return try visit.pages.notice(.wrongMethod) }
            return try await callback(visit, provider: provider)
        }
        guard let (kind, link, action) = Self.split(request.path) else { return nil }
        guard perAddress.take(request.remoteAddress) else { return try visit.pages.notice(.tooMany) }
        switch (request.method, action) {
        case ("GET", nil), ("HEAD", nil): return try await show(visit, try await subject(kind, link))
        case ("POST", _):
            guard !request.isCrossSite else { return try visit.pages.notice(.crossSite) }
            guard perLink.take(link) else { return try visit.pages.notice(.tooMany) }
            let subject = try await subject(kind, link)
            switch action {
            case nil: return try await start(visit, subject)
            case "sign-in":
                guard signIns.take(request.remoteAddress) else { return try visit.pages.notice(.tooMany) }
                return try await signIn(visit, subject)
            case "tokens": return try await paste(visit, subject)
            default: return try visit.pages.notice(.linkInvalid)
            }
        default: return try visit.pages.notice(.wrongMethod)
        }
    }

    /// The provider of a callback's path; an app's own redirect path may be several providers'.
    private func callbackProvider(_ path: String) -> String?? {
        let prefix = "/oauth/callback/"
        if path.hasPrefix(prefix), !redirectPaths.contains(path) { return .some(String(path.dropFirst(prefix.count))) }
        return redirectPaths.contains(path) ? .some(nil) : nil
    }

    private static func split(_ path: String) -> (LinkKind, String, action: String?)? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (3...4).contains(parts.count), parts[0].isEmpty, let kind = LinkKind(rawValue: parts[1]) else {
            return nil
        }
        return (kind, parts[2], parts.count == 4 ? parts[3] : nil)
    }
}

/// The first segment of a link's path.
enum LinkKind: String, Sendable {
    case reauthorize
    case connect
}

/// A request and the pages in its browser's language.
struct Visit: Sendable {
    let request: PageRequest
    let pages: Pages
}
