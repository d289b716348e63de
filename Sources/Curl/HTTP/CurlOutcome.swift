/// How a transfer ended.
///
/// Messages are one sentence and name neither URL nor credentials.
package enum CurlOutcome: Sendable {
    /// No byte of the request left.
    ///
    /// Codes: `invalid_request`, `invalid_url`, `resolve`, `connect`, `connect_timeout`, `tls`, `address_refused`,
    /// `permit_refused`, `queue_full`, `shut_down`, `internal`.
    case notSent(code: String, message: String)
    /// A final status line came back. `isCut`: the transfer ended before the message did, the rest is what was read.
    /// `isOverLong`: more than `bodyBytesMax` came, the body is what was read until then.
    case answered(status: Int, headers: [(String, String)], body: [UInt8], isCut: Bool, isOverLong: Bool)
    /// Bytes of the request may have left and no status line came.
    ///
    /// Codes: `second_send_refused`, `timed_out`, `empty_reply`, `send`, `receive`, `no_http`, `tls`, `transfer`.
    case lost(code: String, message: String)
}
