import Glibc

/// A system call that failed: which, on what, and the errno.
package struct SystemCallError: Error, Sendable, Hashable, CustomStringConvertible {
    package var call: String
    /// The file or directory it was about; empty when there is none.
    package var path: String
    /// The errno.
    package var code: Int32

    package init(_ call: String, path: String = "", code: Int32) {
        self.call = call
        self.path = path
        self.code = code
    }

    /// What happened to which path, and for the common causes how to mend it.
    package var description: String {
        let what = path.isEmpty ? call : "\(call) \(path)"
        let reason = unsafe String(cString: strerror(code))
        return "\(what): \(reason) (errno \(code))\(hint)."
    }

    private var hint: String {
        switch code {
        case ENOSPC, EDQUOT: "; free some space on that volume"
        case EROFS: "; mount the volume writable"
        case EACCES, EPERM: "; give this user the right to it"
        case EMFILE, ENFILE: "; raise the limit of open files"
        default: ""
        }
    }
}

/// Repeats a call that a signal interrupted; its result or the errno as an error.
@discardableResult
func check<Value: BinaryInteger>(
    _ call: String, path: String = "", _ body: () -> Value
) throws(SystemCallError) -> Value {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw SystemCallError(call, path: path, code: code) }
    }
}
