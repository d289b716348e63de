import CMicrohttpd

extension HTTPServerResponse {
    /// Gives the answer to libmicrohttpd, which copies it; only on the connection's own thread.
    ///
    /// - Parameter isLast: close the connection after the answer.
    /// - Returns: `.NO`, on which libmicrohttpd closes the connection, when it takes no answer now.
    func queue(on connection: ConnectionPointer, isLast: Bool) -> MHD_Result {
        guard let fields = checkedHeaders else {
            return Refusal.faultyAnswer.response.queue(on: connection, isLast: isLast)
        }
        let body = sentBody
        let response = unsafe body.withUnsafeBytes { bytes in
            // Copied at once, so the cast to mutable lends nothing.
            unsafe MHD_create_response_from_buffer(
                bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
        }
        guard let response = unsafe response else { return .NO }
        defer { unsafe MHD_destroy_response(response) }
        for (name, value) in fields where unsafe MHD_add_response_header(response, name, value) == .NO { return .NO }
        if isLast, unsafe MHD_add_response_header(response, "Connection", "close") == .NO { return .NO }
        return unsafe MHD_queue_response(connection.raw, UInt32(status), response)
    }
}
