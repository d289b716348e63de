import CLibcurl

// libcurl calls these on the client's thread, inside curl_multi_perform. The context is a slot that the loop keeps alive.

func onHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let slot = unsafe HTTPSlot.at(context) else { return 0 }
    return unsafe slot.receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

func onBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let slot = unsafe HTTPSlot.at(context) else { return 0 }
    // Any other number than the one given ends the transfer; the empty piece of an empty body must not.
    guard unsafe slot.receiveBody(UnsafeRawBufferPointer(start: bytes, count: size * count)) else {
        return size * count + 1
    }
    return size * count
}

func onSend(
    _ context: UnsafeMutableRawPointer?, _ peer: UnsafeMutablePointer<CChar>?, _ local: UnsafeMutablePointer<CChar>?,
    _ peerPort: Int32, _ localPort: Int32
) -> Int32 {
    guard let slot = unsafe HTTPSlot.at(context) else { return CURL_PREREQFUNC_ABORT }
    let isApproved = slot.maySend(
        peer: unsafe peer.flatMap { unsafe IPAddress(cString: $0) },
        local: unsafe local.flatMap { unsafe IPAddress(cString: $0) }, peerPort: peerPort, localPort: localPort)
    return isApproved ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

func onOpenHTTPSocket(
    _ context: UnsafeMutableRawPointer?, _ purpose: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let slot = unsafe HTTPSlot.at(context), let address = unsafe address else { return -1 }
    return unsafe slot.open(address)
}

func onCloseHTTPSocket(_ context: UnsafeMutableRawPointer?, _ socket: curl_socket_t) -> Int32 {
    guard let context = unsafe context else { return 1 }
    unsafe Unmanaged<SocketRegistry>.fromOpaque(context).takeUnretainedValue().close(socket)
    return 0
}
