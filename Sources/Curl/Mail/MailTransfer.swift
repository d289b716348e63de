import CLibcurl
import Glibc

/// Hands one mail over on the calling thread, which blocks for it: libcurl itself blocks for the reply after the message.
///
/// - Returns: the outcome, by way of `answer`, before the connection is taken leave of.
func sendBlocking(
    _ mail: CurlMail, addresses: AddressGuard, trust: CertificateBundle, answer: (CurlMailOutcome) -> Void
) {
    if let defect = mail.defect { return answer(.notSent(message: defect)) }
    let server: MailServer
    do { server = try MailServer(mail.serverURL) } catch { return answer(.notSent(message: "\(error)")) }
    guard var easy = EasyHandle(), let recipients = unsafe curl_slist_append(nil, mail.recipient) else {
        return answer(.notSent(message: "Memory is short; try later."))
    }
    defer { unsafe curl_slist_free_all(recipients) }
    let session = MailSession(mail: mail, server: server, addresses: addresses)
    easy.configure(trusting: trust)
    easy.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
    easy.set(CURLOPT_URL, server.url)
    easy.set(CURLOPT_USE_SSL, Int((server.encryption == .none ? CURLUSESSL_NONE : CURLUSESSL_ALL).rawValue))
    if !server.user.isEmpty {
        easy.set(CURLOPT_USERNAME, server.user)
        easy.set(CURLOPT_PASSWORD, server.password)
        // Else libcurl prefers Kerberos, NTLM and the like wherever a server offers them.
        easy.set(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN")
    }
    let limit = mail.totalTimeout.curlMilliseconds
    easy.set(CURLOPT_TIMEOUT_MS, limit)
    easy.set(CURLOPT_CONNECTTIMEOUT_MS, min(mail.connectTimeout.curlMilliseconds, limit))
    easy.set(CURLOPT_SERVER_RESPONSE_TIMEOUT, (limit + 999) / 1000)
    easy.set(CURLOPT_MAIL_FROM, mail.sender)
    unsafe easy.set(CURLOPT_MAIL_RCPT, recipients)
    // The size is not told: with it, libcurl would add the dot without asking for the end, which isWhole relies on.
    easy.set(CURLOPT_UPLOAD, 1)
    let context = unsafe Unmanaged.passUnretained(session).toOpaque()
    unsafe easy.note(tw_easy_set_read(easy.pointer, onRead, context))
    unsafe easy.note(tw_easy_set_header(easy.pointer, onReply, context))
    unsafe easy.note(tw_easy_set_open_socket(easy.pointer, onOpenSocket, context))
    unsafe easy.note(tw_easy_set_close_socket(easy.pointer, onCloseSocket, context))
    guard easy.failure == CURLE_OK else {
        return answer(.notSent(message: "libcurl cannot send mail here: \(easy.failure.text)."))
    }
    let code = unsafe curl_easy_perform(easy.pointer)
    let detail = code.isTLS ? easy.libraryError(hiding: server.host) : easy.systemError
    answer(session.outcome(code: code, detail: detail))
    // Freeing the handle sends QUIT and waits for the reply, up to two minutes: it finds the end of the stream instead.
    if let socket = session.socket { shutdown(socket, Int32(SHUT_RD)) }
    release(easy)
    withExtendedLifetime(session) {}
}

private func release(_ easy: consuming EasyHandle) {}

// libcurl calls these inside curl_easy_perform and curl_easy_cleanup, on the thread that called that.

private func onRead(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let session = unsafe MailSession.at(context) else { return Int(CURL_READFUNC_ABORT) }
    return unsafe session.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
}

private func onReply(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    unsafe MailSession.at(context)?.receiveReply(UnsafeRawBufferPointer(start: bytes, count: size * count))
    return size * count
}

private func onOpenSocket(
    _ context: UnsafeMutableRawPointer?, _ purpose: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let session = unsafe MailSession.at(context), let address = unsafe address else { return -1 }
    return unsafe session.open(address)
}

private func onCloseSocket(_ context: UnsafeMutableRawPointer?, _ socket: curl_socket_t) -> Int32 {
    unsafe MailSession.at(context)?.close(socket)
    return 0
}
