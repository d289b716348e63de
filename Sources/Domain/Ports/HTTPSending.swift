/// A request to a provider or a destination, which prints method and host only: URL and body may hold secrets.
package struct OutgoingRequest: Sendable, CustomStringConvertible {
    package var method: String
    package var url: Secret
    package var headers: [HeaderField]
    package var body: [UInt8]

    package init(method: String, url: Secret, headers: [HeaderField] = [], body: [UInt8] = []) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    package var description: String {
        let afterScheme = url.reveal().split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true).dropFirst()
        let authority = afterScheme.first.map { $0.split(separator: "?")[0].split(separator: "@").last ?? "" } ?? ""
        return "\(method) \(authority)"
    }
}

/// Limits of one transfer.
package struct TransferLimits: Sendable, Equatable {
    package var connect: Duration
    package var total: Duration
    package var bodyBytesMax: Int

    package init(connect: Duration = .seconds(3), total: Duration, bodyBytesMax: Int = 1 << 20) {
        self.connect = connect
        self.total = total
        self.bodyBytesMax = bodyBytesMax
    }
}

/// What came back, as far as it was read.
package struct IncomingResponse: Sendable, Equatable {
    package var status: Int
    package var headers: [HeaderField]
    package var body: [UInt8]
    /// The transfer ended before the message did.
    package var isCut: Bool
    /// More than `bodyBytesMax` came; the rest was not read.
    package var isOverLong: Bool

    package init(
        status: Int, headers: [HeaderField] = [], body: [UInt8] = [], isCut: Bool = false, isOverLong: Bool = false
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.isCut = isCut
        self.isOverLong = isOverLong
    }

    /// The first value of a header, by any case of its name.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// How a transfer ended (PROTOCOL §6, first column).
package enum TransferEnd: Sendable {
    /// No request byte left: refused by the permit, resolve, connect, TLS, address. `why` is a short code and a sentence.
    case notSent(code: String, message: String)
    /// A status line came back; maybe cut or over-long.
    case answered(IncomingResponse)
    /// Request bytes may have left and no usable answer came.
    case lost(code: String, message: String)
}

/// Sends one request at most once on the wire.
package protocol HTTPSending: Sendable {
    /// Sends `request`; `permit` is asked once, right before the request bytes, and a refusal ends it as `notSent`.
    ///
    /// Cancelling the calling task does not cut the transfer.
    func send(
        _ request: OutgoingRequest, limits: TransferLimits, permit: @escaping @Sendable () -> Bool
    ) async -> TransferEnd
}
