import CMicrohttpd
import Glibc

// libmicrohttpd's threads enter Swift here. The functions are of no actor: isolation would be checked at the entry and
// end the process.

private func dispatcher(_ context: UnsafeMutableRawPointer?) -> RequestDispatcher? {
    unsafe context.map { unsafe Unmanaged<RequestDispatcher>.fromOpaque($0).takeUnretainedValue() }
}

private func connection(of pointer: OpaquePointer) -> Connection? {
    unsafe tokenward_mhd_socket_context(pointer)
        .map { unsafe Unmanaged<Connection>.fromOpaque($0).takeUnretainedValue() }
}

/// A connection was accepted, or is about to be closed; it is retained in between.
func connectionChanged(
    context: UnsafeMutableRawPointer?, pointer: OpaquePointer?,
    socketContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, code: MHD_ConnectionNotificationCode
) {
    guard let dispatcher = unsafe dispatcher(context), let pointer = unsafe pointer,
        let socketContext = unsafe socketContext
    else { return }
    switch code {
    case .CONNECTION_NOTIFY_STARTED:
        let address = unsafe tokenward_mhd_client_address(pointer).map { unsafe SocketAddress.text(of: $0) } ?? ""
        let connection = Connection(
            socket: unsafe tokenward_mhd_socket(pointer), remoteAddress: address,
            headerDeadline: dispatcher.configuration.headerDeadline)
        dispatcher.connections.insert(connection)
        unsafe socketContext.pointee = Unmanaged.passRetained(connection).toOpaque()
    case .CONNECTION_NOTIFY_CLOSED:
        guard let raw = unsafe socketContext.pointee else { return }
        unsafe socketContext.pointee = nil
        let connection = unsafe Unmanaged<Connection>.fromOpaque(raw).takeRetainedValue()
        connection.forgetSocket()
        dispatcher.connections.remove(connection)
    @unknown default:
        return
    }
}

/// A request line was read.
func targetRead(
    context: UnsafeMutableRawPointer?, target: UnsafePointer<CChar>?, pointer: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let dispatcher = unsafe dispatcher(context), let pointer = unsafe pointer, let target = unsafe target,
        let connection = unsafe connection(of: pointer)
    else { return nil }
    let text = unsafe String(validatingCString: target)
    connection.begin(
        Exchange(target: text.flatMap { RequestTarget(parsing: $0) }),
        headerDeadline: dispatcher.configuration.headerDeadline)
    return nil
}

/// Headers were read, a piece of the body, the whole request, or the connection was resumed.
func requestAdvanced(
    context: UnsafeMutableRawPointer?, pointer: OpaquePointer?, target: UnsafePointer<CChar>?,
    method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?, body: UnsafePointer<CChar>?,
    bodyBytes: UnsafeMutablePointer<Int>?, requestContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let dispatcher = unsafe dispatcher(context), let pointer = unsafe pointer,
        let connection = unsafe connection(of: pointer), let exchange = connection.exchange,
        let method = unsafe method, let version = unsafe version, let bodyBytes = unsafe bodyBytes
    else { return .NO }
    let limits = dispatcher.configuration
    let place = unsafe ConnectionPointer(raw: pointer)
    switch exchange.step {
    case .readHeaders:
        let headers = unsafe receivedHeaders(of: pointer)
        unsafe exchange.begin(method: String(cString: method), headers: headers)
        connection.expect(within: limits.bodyDeadline)
        let refusal = unsafe RequestFraming.refusal(
            headers: headers, version: String(cString: version), headerBytes: tokenward_mhd_header_bytes(pointer),
            limits: limits)
        if let refusal { return dispatcher.refuse(refusal, of: exchange, on: connection, to: place) }
        guard exchange.hasTarget else {
            return dispatcher.refuse(.malformedTarget, of: exchange, on: connection, to: place)
        }
        // An answer queued now would close the connection: libmicrohttpd comes again when the request is whole.
        return .YES
    case .readBody:
        let count = unsafe bodyBytes.pointee
        if count > 0 {
            unsafe bodyBytes.pointee = 0
            let piece = unsafe UnsafeRawBufferPointer(start: body, count: count)
            return unsafe exchange.append(piece, bytesMax: limits.bodyBytesMax) ? .YES : .NO
        }
        guard
            let request = exchange.takeRequest(
                remoteAddress: connection.remoteAddress, bytesMax: limits.bodyBytesMax)
        else {
            let refusal = Refusal.bodyTooLarge(bytesMax: limits.bodyBytesMax)
            return dispatcher.refuse(refusal, of: exchange, on: connection, to: place)
        }
        return dispatcher.dispatch(request, of: exchange, on: connection, at: place)
    case .wait:
        return .YES
    case .send(let response):
        return dispatcher.send(response, of: exchange, on: connection, to: place)
    }
}

/// The answer was sent, or the request ended without one.
func requestEnded(
    context: UnsafeMutableRawPointer?, pointer: OpaquePointer?,
    requestContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, code: MHD_RequestTerminationCode
) {
    guard let dispatcher = unsafe dispatcher(context), let pointer = unsafe pointer else { return }
    unsafe connection(of: pointer)?.finish(idleDeadline: dispatcher.configuration.idleDeadline)
}

/// Where ``keepHeader(context:kind:name:nameBytes:value:valueBytes:)`` puts the headers.
private final class HeaderList {
    var headers: [(String, String)] = []
}

private func receivedHeaders(of pointer: OpaquePointer) -> [(String, String)] {
    let list = HeaderList()
    withExtendedLifetime(list) {
        _ = unsafe MHD_get_connection_values_n(
            pointer, .HEADER_KIND, keepHeader, Unmanaged.passUnretained(list).toOpaque())
    }
    return list.headers
}

private func keepHeader(
    context: UnsafeMutableRawPointer?, kind: MHD_ValueKind, name: UnsafePointer<CChar>?, nameBytes: Int,
    value: UnsafePointer<CChar>?, valueBytes: Int
) -> MHD_Result {
    guard let context = unsafe context else { return .NO }
    let list = unsafe Unmanaged<HeaderList>.fromOpaque(context).takeUnretainedValue()
    unsafe list.headers.append(
        (
            String(decoding: UnsafeRawBufferPointer(start: name, count: nameBytes), as: UTF8.self),
            String(decoding: UnsafeRawBufferPointer(start: value, count: valueBytes), as: UTF8.self)
        ))
    return .YES
}
