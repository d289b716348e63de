/// Limits and trust of one ``CurlClient``.
///
/// Connections are shared inside a client only: use one client per class of trust.
package struct CurlConfiguration: Sendable {
    /// A PEM file with certificate authorities that are trusted besides the system's.
    package var caFile: String?
    /// Networks that may be reached although private; see ``AddressGuard``.
    package var allowedNetworks: [CIDR]
    /// HTTP transfers in flight at once; more wait in the client and their time limits with them.
    package var transfersMax: Int
    /// HTTP transfers that may wait; one more ends at once as `notSent` with the code `queue_full`.
    package var waitingMax: Int
    /// Idle connections kept for later requests; the oldest is closed for a new one.
    package var connectionsMax: Int
    /// How long an idle connection is used again; shorter than the usual patience of servers (60 s and more).
    package var idleMax: Duration
    /// All header lines of an answer together, in bytes; a longer answer is cut there.
    package var headerBytesMax: Int
    /// Mails handed over at once, each on a thread of its own.
    package var mailsMax: Int
    /// Mails that may wait; one more ends at once as `notSent`.
    package var mailsWaitingMax: Int

    package init(
        caFile: String? = nil, allowedNetworks: [CIDR] = [], transfersMax: Int = 512, waitingMax: Int = 8192,
        connectionsMax: Int = 512, idleMax: Duration = .seconds(30), headerBytesMax: Int = 64 << 10, mailsMax: Int = 8,
        mailsWaitingMax: Int = 1024
    ) {
        self.caFile = caFile
        self.allowedNetworks = allowedNetworks
        self.transfersMax = max(transfersMax, 1)
        self.waitingMax = max(waitingMax, 1)
        self.connectionsMax = max(connectionsMax, 1)
        self.idleMax = idleMax
        self.headerBytesMax = max(headerBytesMax, 1024)
        self.mailsMax = max(mailsMax, 1)
        self.mailsWaitingMax = max(mailsWaitingMax, 0)
    }
}

/// Why a client cannot start.
package enum CurlError: Error, Equatable, CustomStringConvertible {
    case caFile(path: String, reason: String)
    case unusableLibrary(reason: String)

    package var description: String {
        switch self {
        case .caFile(let path, let reason):
            "The CA file \(path) cannot be used: \(reason); TOKENWARD_CA_FILE must name a readable PEM file of certificates."
        case .unusableLibrary(let reason):
            "libcurl cannot be used: \(reason); install libcurl 7.87 or newer with OpenSSL."
        }
    }
}
