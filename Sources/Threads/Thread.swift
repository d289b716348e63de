import Glibc

/// The body of a thread on its way there.
private final class ThreadBody: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}

/// The C entry point: takes over the body's reference, names the thread, runs the body.
private func enterThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { return nil }
    let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
    nameThread(body.name)
    body.run()
    return nil
}

/// Glibc shows `pthread_setname_np` to GNU sources only, which Swift's import is not; the kernel has a file for it.
private func nameThread(_ name: String) {
    let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    let bytes = Array(name.utf8.prefix(15))
    _ = unsafe write(file, bytes, bytes.count)
    close(file)
}

/// Runs `body` on a new detached thread, where it may block; for work that is started from synchronous code.
///
/// Ends the process when the system has no more threads: nothing here works without them.
package func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let argument = unsafe Unmanaged.passRetained(ThreadBody(name: name, run: body)).toOpaque()
    let status = unsafe pthread_create(&thread, &attributes, enterThread, argument)
    guard status == 0 else {
        fatalError("Cannot start a thread (error \(status)); raise the limit of threads (ulimit -u).")
    }
}

/// Runs `body`, which may block, on a new thread while the caller's task waits suspended.
///
/// A thread costs some 30 µs; callers bound how many run at once. Cancelling the task does not end the body.
package func onThread<Value: Sendable>(named name: String, _ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        startThread(named: name) { continuation.resume(returning: body()) }
    }
}

/// Runs `body`, which may block and throw, on a new thread while the caller's task waits suspended.
///
/// See the variant that does not throw.
package func onThread<Value: Sendable>(
    named name: String, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        startThread(named: name) { continuation.resume(with: Result { try body() }) }
    }
}
