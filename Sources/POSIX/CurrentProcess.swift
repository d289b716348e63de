import Glibc

/// This process and its machine.
package enum CurrentProcess {
    package static var id: Int32 { getpid() }

    /// Whether it runs as root.
    package static var isRoot: Bool { geteuid() == 0 }

    /// The machine's name, at most 255 bytes; `localhost` when it has none.
    package static var hostname: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return bytes.isEmpty ? "localhost" : String(decoding: bytes, as: UTF8.self)
    }

    /// A write to a closed connection is an error of that write from now on, not the end of the process.
    package static func ignoreBrokenPipes() {
        _ = signal(SIGPIPE, SIG_IGN)
    }

    /// No core dumps, and no other process of this user may read the memory (PROTOCOL §11).
    ///
    /// - Throws: `SystemCallError` when the system refuses one of the two; the other is done all the same.
    package static func protectMemory() throws(SystemCallError) {
        var failure: SystemCallError?
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        if unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) != 0 {
            failure = SystemCallError("setrlimit", code: errno)
        }
        do throws(SystemCallError) {
            try setDumpable(false)
        } catch {
            failure = error
        }
        if let failure { throw failure }
    }

    /// Whether the memory may be dumped or read by other processes of this user.
    package static var isDumpable: Bool {
        // PR_GET_DUMPABLE
        (try? control(3, 0)) != 0
    }

    private static func setDumpable(_ dumpable: Bool) throws(SystemCallError) {
        // PR_SET_DUMPABLE
        _ = try control(4, dumpable ? 1 : 0)
    }

    // prctl is variadic, which Swift does not import: it is found by name. Its arguments are all words, for which the
    // calling conventions of Linux make no difference between variadic and plain.
    private static func control(_ option: Int32, _ argument: UInt) throws(SystemCallError) -> Int32 {
        typealias Control = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        guard let symbol = unsafe dlsym(nil, "prctl") else { throw SystemCallError("prctl", code: ENOSYS) }
        let call = unsafe unsafeBitCast(symbol, to: Control.self)
        return try check("prctl") { call(option, argument, 0, 0, 0) }
    }
}
