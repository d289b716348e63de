import API
import Curl
import Domain
import FoundationEssentials
import Logging
import MicroHTTP
import Notifier
import Reauthorization
import Refresher
import Sealing
import ServiceLifecycle

/// The HTTP interface on libmicrohttpd; bound when it is made, so that a port in use ends the start.
struct WebServer: Service {
    let server: HTTPServer
    /// `address:port` it really listens on.
    let address: String
    let publicURL: String
    let reauthorization: Reauthorization

    init(
        installation: Installation, ports: RefreshPorts, refresher: Refresher, health: HealthBoard, metrics: Metrics,
        reads: ReadCounter, jobSignal: WakeSignal, scheduleSignal: WakeSignal, relayWakes: RelayWakes, logger: Logger
    ) throws {
        let settings = installation.settings
        let box = InterfaceBox()
        server = HTTPServer(
            configuration: HTTPServerConfiguration(address: settings.listen.host, port: settings.listen.port),
            immediate: { request in box.bridge?.immediate(request) },
            handler: { request in await box.bridge?.answer(request) ?? HTTPServerResponse(status: 503) })
        do {
            try server.start()
        } catch {
            throw StartError(.failed, "\(error)")
        }
        address = "\(settings.listen.host):\(server.port)"
        publicURL = installation.publicURL(address: address)
        let links = installation.repairLinks(publicURL: publicURL)
        let pages = installation.reauthorization(ports, publicURL: publicURL, logger: logger)
        reauthorization = pages
        let outer = OuterPages(
            reauthorization: pages, unsubscription: installation.unsubscription(),
            slack: installation.slackHook(CurlTransport(client: ports.curl), logger: logger))
        var interfacePorts = HTTPInterface.Ports(
            channels: installation.store, refresher: refresher, incidents: installation.store,
            authenticator: TokenAuthenticator(tokens: installation.store), catalogue: installation.catalogue,
            intake: installation.intake, link: { try? await links.url(of: $0) },
            pages: { try await outer.answer($0) },
            links: links,
            access: .init(
                tokens: installation.store, audit: installation.store,
                rate: RequestRate(perSecond: settings.limits.requestRate), reads: reads),
            work: .init(
                calls: installation.providerCalls(ports.curl), apps: installation.apps,
                appRecords: installation.store, jobs: installation.store, jobSignal: jobSignal,
                schedules: installation.store, scheduleSignal: scheduleSignal, statistics: installation.store),
            administration: .init(tenants: installation.store, keys: installation.store, ring: installation.ring.kids),
            relaying: .init(
                control: installation.store, log: installation.store,
                proving: try installation.tester(CurlTransport(client: ports.curl), publicURL: publicURL),
                relay: relayWakes.relay, cadence: relayWakes.cadence, dispatcher: relayWakes.dispatcher))
        interfacePorts.templates = MessagePreview(templates: installation.templates, publicURL: publicURL)
        let interface = HTTPInterface(
            ports: interfacePorts, health: health, metrics: metrics, hosts: Self.hosts(settings), logger: logger)
        box.set(HTTPBridge(interface: interface))
    }

    /// The relay's loops, woken by what requests change.
    struct RelayWakes {
        let relay = WakeSignal()
        let cadence = WakeSignal()
        let dispatcher = WakeSignal()
    }

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await server.run()
        } onGracefulShutdown: {
            server.stop()
        }
    }

    /// Links use the public URL only, and so do requests once it is set (PROTOCOL §11).
    private static func hosts(_ settings: Settings) -> Set<String> {
        guard let url = settings.publicURL.flatMap(URL.init(string:)), let host = url.host() else { return [] }
        let names = [host, url.port.map { "\(host):\($0)" }].compactMap { $0?.lowercased() }
        return Set(names)
    }
}
