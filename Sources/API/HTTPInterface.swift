package import Domain
import FoundationEssentials
package import Logging
package import Providers

/// The HTTP interface over the ports; a server hands it requests and sends its answers.
package struct HTTPInterface: Sendable {
    /// What the routes talk to.
    package struct Ports: Sendable {
        package var channels: any ChannelAdministration
        package var refresher: any OnDemandRefreshing
        package var incidents: any RelayDirectory
        package var authenticator: any Authenticating
        package var catalogue: Catalogue
        package var intake: ChannelIntake
        /// The re-authorization link of a channel in `warning`; nil when it needs none.
        package var link: @Sendable (ChannelID) async -> String?
        /// Pages that carry their own proof (`/reauthorize/…`).
        package var pages: @Sendable (APIRequest) async throws -> APIResponse?
        package var links: any LinkMaking
        package var access: Access
        package var work: Work
        package var administration: Administration
        package var templates: any TemplatePreviewing = NoPreviews()
        package var relaying: Relaying

        /// What people do to incidents, destinations and deliveries.
        package struct Relaying: Sendable {
            package var control: any RelayControl
            package var log: any DeliveryAdministration
            package var proving: any DestinationProving
            /// Sent when there is a new event, when something may be told, when something may be delivered.
            package var relay: WakeSignal
            package var cadence: WakeSignal
            package var dispatcher: WakeSignal

            package init(
                control: any RelayControl, log: any DeliveryAdministration, proving: any DestinationProving,
                relay: WakeSignal = WakeSignal(), cadence: WakeSignal = WakeSignal(),
                dispatcher: WakeSignal = WakeSignal()
            ) {
                self.control = control
                self.log = log
                self.proving = proving
                self.relay = relay
                self.cadence = cadence
                self.dispatcher = dispatcher
            }
        }

        /// Who may call, and what is written down of it.
        package struct Access: Sendable {
            package var tokens: any APITokenDirectory
            package var audit: any AuditLog
            package var rate: RequestRate
            package var reads: ReadCounter

            package init(
                tokens: any APITokenDirectory, audit: any AuditLog, rate: RequestRate = RequestRate(perSecond: 0),
                reads: ReadCounter = ReadCounter()
            ) {
                self.tokens = tokens
                self.audit = audit
                self.rate = rate
                self.reads = reads
            }
        }

        /// What is done at providers besides refreshing one channel, and later than the request.
        package struct Work: Sendable {
            package var calls: ProviderCalls
            package var apps: any AppListing
            package var appRecords: any AppRecords
            package var jobs: any JobStore
            /// Sent when there is a new job.
            package var jobSignal: WakeSignal
            package var schedules: any ScheduleStore
            /// Sent when there is a new schedule.
            package var scheduleSignal: WakeSignal
            package var statistics: StatisticsBoard

            package init(
                calls: ProviderCalls, apps: any AppListing, appRecords: any AppRecords, jobs: any JobStore,
                jobSignal: WakeSignal = WakeSignal(), schedules: any ScheduleStore,
                scheduleSignal: WakeSignal = WakeSignal(), statistics: any StatisticsSource
            ) {
                self.calls = calls
                self.apps = apps
                self.appRecords = appRecords
                self.jobs = jobs
                self.jobSignal = jobSignal
                self.schedules = schedules
                self.scheduleSignal = scheduleSignal
                self.statistics = StatisticsBoard(source: statistics)
            }
        }

        /// The installation as a whole.
        package struct Administration: Sendable {
            package var tenants: any TenantDirectory
            package var keys: any KeyDirectory
            /// Ids of this process's keys; the first seals.
            package var ring: [String]

            package init(tenants: any TenantDirectory, keys: any KeyDirectory, ring: [String]) {
                self.tenants = tenants
                self.keys = keys
                self.ring = ring
            }
        }

        var audit: any AuditLog { access.audit }
        var calls: ProviderCalls { work.calls }

        package init(
            channels: any ChannelAdministration, refresher: any OnDemandRefreshing, incidents: any RelayDirectory,
            authenticator: any Authenticating, catalogue: Catalogue, intake: ChannelIntake,
            link: @escaping @Sendable (ChannelID) async -> String?,
            pages: @escaping @Sendable (APIRequest) async throws -> APIResponse?, links: any LinkMaking, access: Access,
            work: Work, administration: Administration, relaying: Relaying
        ) {
            self.channels = channels
            self.refresher = refresher
            self.incidents = incidents
            self.authenticator = authenticator
            self.catalogue = catalogue
            self.intake = intake
            self.link = link
            self.pages = pages
            self.links = links
            self.access = access
            self.work = work
            self.administration = administration
            self.relaying = relaying
        }
    }

    let ports: Ports
    let health: HealthBoard
    let metrics: Metrics
    let logger: Logger
    /// The only `Host` values that are answered off the probe paths; empty answers all.
    let hosts: Set<String>
    /// Every route with its description.
    package let router: Router

    package init(ports: Ports, health: HealthBoard, metrics: Metrics, hosts: Set<String> = [], logger: Logger) {
        self.ports = ports
        self.health = health
        self.metrics = metrics
        self.hosts = hosts
        self.logger = logger
        var router = Router()
        ChannelRoutes(ports: ports).register(on: &router)
        TokenRoutes(ports: ports).register(on: &router)
        LinkRoutes(ports: ports).register(on: &router)
        ChannelInsightRoutes(ports: ports).register(on: &router)
        RefreshRoutes(ports: ports).register(on: &router)
        ScheduleRoutes(ports: ports).register(on: &router)
        StatisticsRoutes(ports: ports, health: health).register(on: &router)
        IncidentRoutes(ports: ports).register(on: &router)
        SilenceRoutes(ports: ports).register(on: &router)
        DestinationRoutes(ports: ports).register(on: &router)
        DeliveryRoutes(ports: ports).register(on: &router)
        EventRoutes(ports: ports).register(on: &router)
        AccessRoutes(ports: ports).register(on: &router)
        AppRoutes(ports: ports).register(on: &router)
        AdministrationRoutes(ports: ports).register(on: &router)
        TemplateRoutes(ports: ports).register(on: &router)
        AliasRoutes(ports: ports, health: health).register(on: &router)
        ProbeRoutes(health: health, metrics: metrics).register(on: &router)
        self.router = DocumentRoute.documented(router, version: health.version)
    }

    /// Answers that need nothing but memory, safe on the server's own threads; nil for all other paths.
    package func immediate(_ request: APIRequest) -> APIResponse? {
        guard request.method == "GET" || request.method == "HEAD" else { return nil }
        switch request.path {
        case "/healthz", "/livez": return health.liveness(verbose: request.query.contains { $0.name == "verbose" })
        case "/readyz": return health.readiness()
        case "/metrics": return .text(MetricsText.render(metrics.snapshot()), type: MetricsText.contentType)
        case "/status" where request.bearer == nil: return .json(health.status(for: nil))
        default: return nil
        }
    }

    /// Answers a request; never throws, never tells an error's inside.
    package func answer(_ request: APIRequest) async -> APIResponse {
        do {
            if !hosts.isEmpty, let host = request.header("Host"), !hosts.contains(host.lowercased()) {
                throw Problem(
                    421, "unknown-host", title: "This host name is not served here",
                    detail: "The request's Host is not the one of TOKENWARD_PUBLIC_URL.",
                    hint: "Use the public URL, or set TOKENWARD_PUBLIC_URL to this one.")
            }
            if let page = try await ports.pages(request) { return page }
            let match = try router.match(request)
            var request = request
            request.caller = try await caller(of: request, at: match.route.operation.access)
            if let caller = request.caller { try ports.access.rate.take(caller) }
            return try await router.answer(request, match)
        } catch let problem as Problem {
            return problem.response
        } catch let fault as SealedCredentialFault {
            logger.error(
                "a stored credential does not open",
                metadata: ["event": "credential.unreadable", "request": "\(request.id)", "fault": "\(fault)"])
            return Problem.credentialUnreadable.response
        } catch {
            logger.error(
                "a request failed",
                metadata: [
                    "event": "request.failed", "request": "\(request.id)", "method": "\(request.method)",
                    "error": "\(error)",
                ])
            return Problem.databaseDown.response
        }
    }

    /// Who asks, allowed to call a route of this access; nil for nobody at a route for anybody.
    private func caller(of request: APIRequest, at access: Operation.Access) async throws -> Caller? {
        if access == .anyone, request.bearer == nil { return nil }
        let caller = try await ports.caller(of: request)
        switch (access, caller.role) {
        case (.anyone, _), (.token, _), (_, .superadmin), (.tenant, .tenant): return caller
        case (.tenant, .probe), (.superadmin, .tenant), (.superadmin, .probe): throw Problem.forbidden
        }
    }
}

extension HTTPInterface.Ports {
    /// - Throws: ``Problem/unauthorized``.
    func caller(of request: APIRequest) async throws -> Caller {
        if let caller = request.caller { return caller }
        guard let bearer = request.bearer, let caller = try await authenticator.caller(presenting: bearer) else {
            throw Problem.unauthorized
        }
        return caller
    }

    /// The tenant the request is restricted to; nil for a superadmin.
    func scope(of request: APIRequest) async throws -> (caller: Caller, tenantID: String?) {
        let caller = try await caller(of: request)
        return (caller, try caller.tenantID())
    }
}
