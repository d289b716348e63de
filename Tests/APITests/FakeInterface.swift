import API
import Domain
import Logging
import Providers

extension HTTPInterface {
    /// The interface over fake ports.
    static func fake(_ world: FakePorts, hosts: Set<String> = []) throws -> HTTPInterface {
        let board = HealthBoard(heartbeats: Heartbeats(), heartbeatMaxAge: .seconds(60), version: "1") {
            .init(isRunning: true, lastRunAt: nil, inFlight: 0)
        }
        return HTTPInterface(
            ports: .init(
                channels: world, refresher: world, incidents: world, authenticator: world,
                catalogue: try Catalogue.embedded(),
                intake: ChannelIntake(catalogue: try Catalogue.embedded(), apps: world), link: { _ in "https://l" },
                pages: { _ in nil }, links: FakeLinks(), access: .init(tokens: world, audit: world),
                work: .init(
                    calls: ProviderCalls(catalogue: try Catalogue.embedded(), apps: world, sender: world), apps: world,
                    appRecords: world, jobs: world, schedules: world, statistics: world),
                administration: .init(tenants: world, keys: world, ring: ["k1"]),
                relaying: .init(control: world, log: world, proving: world)),
            health: board, metrics: Metrics(), hosts: hosts,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}
