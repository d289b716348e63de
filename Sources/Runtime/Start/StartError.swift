/// Why a command cannot start; one sentence that says what and how to mend it, and the exit status.
package struct StartError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// Something failed at run time: exit 1.
        case failed
        /// Wrong usage or settings: exit 2.
        case misconfigured
    }

    package var kind: Kind
    package var description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
