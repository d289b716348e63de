import Curl
import Domain
import Journal
import Logging
import Refresher
import Store

/// What the refresh loop of one process needs besides the installation: a journal of its own and libcurl.
struct RefreshPorts {
    let journal: FileJournal
    let curl: CurlClient
    let concurrency: Int

    /// Transfers that a command has in flight at a time.
    static let commandConcurrency = 8

    /// - Parameter concurrency: the transfers that may be in flight; the journal sets space aside for so many.
    /// - Throws: ``StartError`` when the journal's directory or the settings of outgoing connections cannot be used.
    static func open(_ installation: Installation, concurrency: Int) async throws -> RefreshPorts {
        let settings = installation.settings
        let curl = try curl(settings)
        let root = settings.dataDirectory + "/journal"
        do {
            let journal = try FileJournal(
                directory: try FileJournal.claimDirectory(under: root), ring: installation.ring,
                configuration: JournalConfiguration(reservationsReady: concurrency))
            let ports = RefreshPorts(journal: journal, curl: curl, concurrency: concurrency)
            do {
                try await installation.store.noteAdopted(journal.adopted)
            } catch {
                await ports.close()
                throw error
            }
            return ports
        } catch let error as JournalError {
            await curl.shutdown()
            throw StartError(.failed, "The journal in \(root) cannot be used: \(Self.sentence(error))")
        }
    }

    private static func sentence(_ error: JournalError) -> String {
        switch error {
        case .full: "its volume is full; free some space."
        case .failed(let reason): reason
        case .locked(let path):
            "\(path) is in use; end a process that refreshes, or give this one another TOKENWARD_DATA_DIR."
        }
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
        _ installation: Installation, claimsDue: Bool, news: WakeSignal = WakeSignal(), metrics: Metrics,
        heartbeats: Heartbeats, logger: Logger
    ) -> Refresher {
        let limits = installation.settings.limits
        return Refresher(
            ports: .init(
                store: installation.store, journal: journal, sender: CurlTransport(client: curl),
                apps: installation.apps, catalogue: installation.catalogue, exchanges: installation.store, news: news),
            configuration: RefresherConfiguration(
                concurrency: concurrency,
                concurrencyPerProvider: min(concurrency, limits.concurrencyPerProvider),
                transferLimit: limits.httpTimeout, poll: limits.poll, ladder: RetryLadder(steps: limits.retryDelays),
                claimsDue: claimsDue),
            metrics: metrics, heartbeats: heartbeats, logger: logger)
    }

    func close() async {
        await curl.shutdown()
        await journal.close()
    }
}
