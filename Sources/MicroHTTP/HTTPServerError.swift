/// Why the server could not start.
package enum HTTPServerError: Error, Equatable {
    /// Another socket listens there.
    case portInUse(address: String, port: Int)
    /// The system reserves the port.
    case portNotPermitted(address: String, port: Int)
    /// The text is no numeric address.
    case malformedAddress(String)
    /// The port is outside 0…65535.
    case malformedPort(Int)
    /// This machine does not have the address.
    case addressUnavailable(String)
    /// A system call failed.
    case system(call: String, code: Int32)
    /// libmicrohttpd refused, which it does when memory, threads or descriptors are short.
    case daemonRefused
    /// The server runs already, or has run: a server lives once.
    case alreadyUsed
}

extension HTTPServerError: CustomStringConvertible {
    /// One sentence that says what happened and how to mend it.
    package var description: String {
        switch self {
        case .portInUse(let address, let port):
            "Port \(port) on \(address) is in use; stop what listens there or choose another port (0 picks a free one)."
        case .portNotPermitted(let address, let port):
            "The system does not let this user listen on port \(port) of \(address); choose a port of 1024 or above."
        case .malformedAddress(let address):
            "\(address) is not an address to listen on; give a numeric IPv4 or IPv6 address such as 127.0.0.1 or ::1."
        case .malformedPort(let port):
            "\(port) is not a port; give a number from 0 to 65535."
        case .addressUnavailable(let address):
            "This machine has no address \(address); give one of its own, or 0.0.0.0 for all."
        case .system(let call, let code):
            "The HTTP server could not start because \(call) failed with error \(code); look at the system's limits."
        case .daemonRefused:
            "The HTTP server could not start its threads; raise the limits of threads, memory and open files."
        case .alreadyUsed:
            "The HTTP server has been started before; make a new one to listen again."
        }
    }
}
