/// Who changes something, as the audit log names it.
package struct AuditActor: Sendable, Equatable, ExpressibleByStringLiteral {
    /// The API token's name, `command line`, `environment`, `demo`.
    package var name: String
    /// The peer's numeric address; nil off the network.
    package var address: String?
    /// The request's id, which logs name too.
    package var requestID: String?

    package init(name: String, address: String? = nil, requestID: String? = nil) {
        self.name = name
        self.address = address
        self.requestID = requestID
    }

    package init(stringLiteral value: String) {
        self.init(name: value)
    }
}
