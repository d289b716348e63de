import Domain
import FoundationEssentials
import Logging
import ServiceLifecycle

/// Brings kept answers to their end that their callback could not (PROTOCOL §8.5): after a kill, an outage, a slow
/// provider.
package struct AuthorizationSweep: Service {
    /// Well within the ten minutes in which an authorization is to be finished.
    static let interval: Duration = .seconds(20)
    static let tidyEvery = 180
    static let loopName = "authorizations"

    let authorizations: any AuthorizationStore
    let exchange: CodeExchange
    let finisher: Finisher
    let heartbeats: Heartbeats
    let clock: any LocalClock
    let logger: Logger

    package func run() async throws {
        let stop = WakeSignal()
        await withGracefulShutdownHandler {
            var round = 0
            while !Task.isShuttingDownGracefully, !Task.isCancelled {
                heartbeats.beat(Self.loopName)
                await sweep()
                if round % Self.tidyEvery == 0 { try? await authorizations.tidyAuthorizations() }
                round += 1
                // What the journal's settling brings in at the start is finished at once.
                await stop.wait(atMost: round < 10 ? .seconds(1) : Self.interval, clock: clock)
            }
        } onGracefulShutdown: {
            stop.send()
        }
        heartbeats.end(Self.loopName)
    }

    /// One pass over everything unfinished; an error of the database leaves the rest to the next.
    package func sweep() async {
        for answer in exchange.backlog.takeAll() {
            if case .kept(let exchanged) = await exchange.keep(answer) { _ = await finisher.finish(exchanged) }
        }
        for exchanged in (try? await authorizations.takeExchanged(only: nil, limit: 20)) ?? [] {
            heartbeats.beat(Self.loopName)
            _ = await finisher.finish(exchanged)
        }
    }
}
