import CLibcurl

/// One reusable easy handle and the transfer it carries at the moment.
///
/// Touched by the client's thread only.
@safe final class HTTPSlot {
    private(set) var easy: EasyHandle
    private(set) var exchange: Exchange?
    private var continuation: CheckedContinuation<CurlOutcome, Never>?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private let sockets: SocketRegistry
    private let headerBytesMax: Int
    private var socket: Int32?
    private var userTimeout = 0

    /// Nil when libcurl lacks memory or an option.
    init?(sockets: SocketRegistry, trust: CertificateBundle, configuration: CurlConfiguration) {
        guard let easy = EasyHandle() else { return nil }
        self.easy = easy
        self.sockets = sockets
        headerBytesMax = configuration.headerBytesMax
        configure(trusting: trust, idleMax: configuration.idleMax)
        guard self.easy.failure == CURLE_OK else { return nil }
    }

    deinit {
        unsafe curl_slist_free_all(headerList)
    }

    var isAnswered: Bool { exchange?.isAnswered ?? false }

    static func at(_ context: UnsafeMutableRawPointer?) -> HTTPSlot? {
        guard let context = unsafe context else { return nil }
        return unsafe Unmanaged<HTTPSlot>.fromOpaque(context).takeUnretainedValue()
    }

    /// The options that stay for all transfers.
    private func configure(trusting trust: CertificateBundle, idleMax: Duration) {
        easy.configure(trusting: trust)
        easy.set(CURLOPT_PROTOCOLS_STR, "http,https")
        easy.set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        easy.set(CURLOPT_FOLLOWLOCATION, 0)
        easy.set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        easy.set(CURLOPT_MAXAGE_CONN, max(1, idleMax.curlMilliseconds / 1000))
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let registry = unsafe Unmanaged.passUnretained(sockets).toOpaque()
        unsafe easy.note(tw_easy_set_pointer(easy.pointer, CURLOPT_PRIVATE, context))
        unsafe easy.note(tw_easy_set_header(easy.pointer, onHeader, context))
        unsafe easy.note(tw_easy_set_write(easy.pointer, onBody, context))
        unsafe easy.note(tw_easy_set_prereq(easy.pointer, onSend, context))
        unsafe easy.note(tw_easy_set_open_socket(easy.pointer, onOpenHTTPSocket, context))
        unsafe easy.note(tw_easy_set_close_socket(easy.pointer, onCloseHTTPSocket, registry))
    }

    /// Makes the handle ready for the submission's request.
    ///
    /// - Returns: false when libcurl refuses an option; the slot is to be dropped after ``finish(code:)``.
    func load(_ submission: Submission) -> Bool {
        let request = submission.request
        exchange = Exchange(request: request, permit: submission.permit, headerBytesMax: headerBytesMax)
        continuation = submission.continuation
        socket = nil
        userTimeout = request.totalTimeout.curlMilliseconds
        easy.clearError()
        easy.set(CURLOPT_URL, request.url)
        easy.set(CURLOPT_TIMEOUT_MS, userTimeout)
        easy.set(CURLOPT_CONNECTTIMEOUT_MS, min(request.connectTimeout.curlMilliseconds, userTimeout))
        setMethod(request)
        setHeaders(request)
        return easy.failure == CURLE_OK
    }

    private func setMethod(_ request: CurlRequest) {
        // HTTPGET also ends an earlier POST or NOBODY; what follows builds on that.
        easy.set(CURLOPT_HTTPGET, 1)
        easy.set(CURLOPT_CUSTOMREQUEST, nil as String?)
        if request.method == "HEAD" { return easy.set(CURLOPT_NOBODY, 1) }
        if !request.body.isEmpty || request.method == "POST" {
            easy.set(CURLOPT_POST, 1)
            unsafe easy.note(
                tw_easy_set_offset(easy.pointer, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
            unsafe request.body.withUnsafeBytes { body in
                // An empty array may have no address, which would mean «read the body by callback».
                let start = unsafe body.baseAddress?.assumingMemoryBound(to: CChar.self)
                if let start = unsafe start {
                    unsafe easy.note(tw_easy_set_string(easy.pointer, CURLOPT_COPYPOSTFIELDS, start))
                } else {
                    easy.set(CURLOPT_COPYPOSTFIELDS, "")
                }
            }
        }
        if request.method != "GET" || !request.body.isEmpty { easy.set(CURLOPT_CUSTOMREQUEST, request.method) }
    }

    private func setHeaders(_ request: CurlRequest) {
        unsafe curl_slist_free_all(headerList)
        unsafe headerList = nil
        // A name with a colon and nothing after it takes libcurl's own header away.
        var lines = ["Expect:"]
        if !request.headers.contains(where: { $0.0.isHeaderName("content-type") }) { lines.append("Content-Type:") }
        // A name with a semicolon sends an empty header.
        lines += request.headers.map { name, value in value.isEmpty ? "\(name);" : "\(name): \(value)" }
        for line in lines {
            guard let list = unsafe curl_slist_append(headerList, line) else { return easy.note(CURLE_OUT_OF_MEMORY) }
            unsafe headerList = list
        }
        unsafe easy.set(CURLOPT_HTTPHEADER, headerList)
    }

    /// Ends the transfer that is no longer in the multi handle and answers whoever waits for it.
    func finish(code: CURLcode) {
        guard let exchange, let continuation else { return }
        if code == CURLE_OK, let socket { sockets.end(self, on: socket) }
        self.exchange = nil
        self.continuation = nil
        // Outcomes without an error text are the many: the URL is taken apart for the few others only.
        let detail =
            switch code {
            case CURLE_COULDNT_CONNECT, CURLE_RECV_ERROR, CURLE_SEND_ERROR: easy.systemError
            case let code where code.isTLS: easy.libraryError(hiding: URLParts(exchange.request.url)?.host)
            default: ""
            }
        continuation.resume(returning: exchange.outcome(code: code, detail: detail))
    }

    // MARK: What the callbacks do

    func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        unsafe exchange?.receiveHeader(line) ?? false
    }

    func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        unsafe exchange?.receiveBody(bytes) ?? false
    }

    /// Opens a socket for the address; −1 when it may not be reached.
    func open(_ address: UnsafePointer<curl_sockaddr>) -> Int32 {
        guard let isEncrypted = exchange?.request.isEncrypted else { return -1 }
        switch unsafe sockets.open(address, isEncrypted: isEncrypted, userTimeout: userTimeout) {
        case .opened(let socket):
            exchange?.isSocketOpened = true
            return socket
        case .refused:
            exchange?.isSocketRefused = true
            return -1
        case .failed:
            exchange?.isSocketOpened = true
            return -1
        }
    }

    /// The last decision before the request's bytes, for new and for kept connections.
    func maySend(peer: IPAddress?, local: IPAddress?, peerPort: Int32, localPort: Int32) -> Bool {
        guard let current = exchange else { return false }
        exchange?.sends += 1
        guard current.sends == 0 else { return refuse(.secondSend) }
        guard let peer, sockets.allows(peer, isEncrypted: current.request.isEncrypted) else { return refuse(.address) }
        if let local {
            let ends = SocketRegistry.Ends(local: local, localPort: localPort, peer: peer, peerPort: peerPort)
            socket = sockets.socket(between: ends, userTimeout: userTimeout)
        }
        guard current.permit() else { return refuse(.permit) }
        exchange?.isPermitted = true
        if let socket { sockets.begin(self, on: socket) }
        return true
    }

    private func refuse(_ refusal: Exchange.Refusal) -> Bool {
        exchange?.refusal = refusal
        return false
    }
}
