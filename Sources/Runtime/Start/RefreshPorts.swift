import Curl
import Domain
import Journal
import Logging
import Refresher

/// What the refresh loop of one process needs besides the installation: a journal of its own and libcurl.
struct RefreshPorts {
    let journal: FileJournal
    let curl: CurlClient

    /// - Throws: ``StartError`` when the journal's directory cannot be used.
    static func open(_ installation: Installation) throws -> RefreshPorts {
        let settings = installation.settings
        let journal: FileJournal
        do {
            journal = try FileJournal(
                directory: try FileJournal.claimDirectory(under: settings.dataDirectory + "/journal"),
                ring: installation.ring)
        } catch {
            throw StartError(.failed, "The journal in \(settings.dataDirectory)/journal cannot be used: \(error)")
        }
        return RefreshPorts(journal: journal, curl: try curl(settings))
    }

    static func curl(_ settings: Settings) throws -> CurlClient {
        do {
            let networks = try settings.allowNetworks.map { try CIDR($0) }
            return try CurlClient(configuration: .init(caFile: settings.caFile, allowedNetworks: networks))
        } catch {
            throw StartError(.misconfigured, "Outgoing connections cannot be set up: \(error)")
        }
    }

    func refresher(
        _ installation: Installation, claimsDue: Bool, metrics: Metrics, heartbeats: Heartbeats, logger: Logger
    ) -> Refresher {
        let limits = installation.settings.limits
        return Refresher(
            ports: .init(
                store: installation.store, journal: journal, sender: CurlTransport(client: curl),
                apps: installation.apps, catalogue: installation.catalogue),
            configuration: RefresherConfiguration(
                concurrency: limits.concurrency, concurrencyPerProvider: limits.concurrencyPerProvider,
                transferLimit: limits.httpTimeout, poll: limits.poll, ladder: RetryLadder(steps: limits.retryDelays),
                claimsDue: claimsDue),
            metrics: metrics, heartbeats: heartbeats, logger: logger)
    }

    func close() async {
        await curl.shutdown()
        await journal.close()
    }
}
