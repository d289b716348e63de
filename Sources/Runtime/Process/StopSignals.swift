import UnixSignals

/// SIGTERM and SIGINT, caught from the first moment of a service's process.
///
/// One that comes while the database is opened or the cluster starts is kept, and ends the service as soon as it
/// stands: nothing is left half open.
package struct StopSignals: Sendable {
    private let signals: UnixSignalsSequence

    /// Catches both from here on, for the life of the process.
    package init() async {
        signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    }

    /// Returns at the first signal, at once for one that came before; on cancellation too.
    func first() async {
        for await _ in signals { return }
    }
}
