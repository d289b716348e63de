import Synchronization

/// A closure that a test changes while it is in use.
final class Hook<Input: Sendable, Output: Sendable>: Sendable {
    /// Read from a mutex, a bare closure is wrapped once more each time.
    private struct Box: Sendable {
        let body: @Sendable (Input) -> Output
    }

    private let box: Mutex<Box>

    init(_ body: @escaping @Sendable (Input) -> Output) {
        box = Mutex(Box(body: body))
    }

    func set(_ body: @escaping @Sendable (Input) -> Output) { box.withLock { $0 = Box(body: body) } }

    func callAsFunction(_ input: Input) -> Output {
        let box = box.withLock { $0 }
        return box.body(input)
    }
}
