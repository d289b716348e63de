import CLibpq
import Glibc
import Synchronization

/// Wakes a session's thread out of `poll`, from any thread: a caller was cancelled, or a cancel request has ended.
///
/// Statements are numbered, so that a cancellation that comes late cannot reach the statement after the one it is for.
final class Interrupt: Sendable {
    private struct State {
        var statement: UInt64 = 0
        var isRequested = false
    }

    /// Readable (`poll`) after ``wake()``, until ``drain()``.
    let descriptor: Int32
    private let state = Mutex(State())

    init() throws(PostgresError) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else {
            throw .connect("no file descriptors are left; raise the limit of open files (ulimit -n).")
        }
    }

    deinit { close(descriptor) }

    /// Makes `statement` the one that may be cancelled.
    func begin(_ statement: UInt64) {
        state.withLock { $0 = State(statement: statement) }
    }

    /// From now on no cancellation counts.
    func end() { begin(0) }

    /// Asks for the end of `statement`, if it is still the one that runs.
    func request(_ statement: UInt64) {
        let isCurrent = state.withLock { state in
            guard state.statement == statement else { return false }
            state.isRequested = true
            return true
        }
        if isCurrent { wake() }
    }

    var isRequested: Bool { state.withLock { $0.isRequested } }

    func wake() {
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    func drain() {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, MemoryLayout<UInt64>.size)
    }
}
