import CLibcurl
import Glibc

/// Drives all HTTP transfers of a client on one thread until the queue is shut down.
///
/// Made where the client is made, then handed to its thread, which alone touches it from there on: hence `@unchecked`.
@safe final class TransferLoop: @unchecked Sendable {
    let queue: TransferQueue
    private let multi: UnsafeMutableRawPointer
    private let configuration: CurlConfiguration
    private let trust: CertificateBundle
    private let sockets: SocketRegistry
    private var free: [HTTPSlot] = []
    /// Keeps the slots alive whose addresses libcurl has.
    private var busy: [Int: HTTPSlot] = [:]

    init(configuration: CurlConfiguration, trust: CertificateBundle, addresses: AddressGuard) throws(CurlError) {
        guard let multi = unsafe curl_multi_init() else {
            throw .unusableLibrary(reason: "it cannot make a multi handle")
        }
        unsafe self.multi = multi
        self.configuration = configuration
        self.trust = trust
        sockets = SocketRegistry(addresses: addresses)
        queue = unsafe TransferQueue(waitingMax: configuration.waitingMax, multi: multi)
        unsafe tw_multi_set_long(multi, CURLMOPT_MAXCONNECTS, configuration.connectionsMax)
        unsafe tw_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        // A handle that cannot be configured (an option this libcurl lacks) must stop the start, not each transfer.
        guard let slot = makeSlot() else {
            queue.close { unsafe curl_multi_cleanup(multi) }
            throw .unusableLibrary(reason: "it lacks an option, TLS or HTTP")
        }
        free.append(slot)
    }

    /// Blocks until the queue is shut down and the last transfer has ended.
    func run() {
        var running: Int32 = 0
        while true {
            for submission in queue.take(configuration.transfersMax - busy.count) { start(submission) }
            unsafe curl_multi_perform(multi, &running)
            harvest()
            switch queue.next(hasFreeSlots: busy.count < configuration.transfersMax, isIdle: busy.isEmpty) {
            case .work: continue
            case .sleep:
                // Out of memory or descriptors: the transfers go on a little later instead of at once and for ever.
                if unsafe curl_multi_poll(multi, nil, 0, 60_000, nil) != CURLM_OK { usleep(10_000) }
            case .end:
                free = []
                queue.close { unsafe curl_multi_cleanup(multi) }
                return
            }
        }
    }

    private func makeSlot() -> HTTPSlot? {
        HTTPSlot(sockets: sockets, trust: trust, configuration: configuration)
    }

    private func start(_ submission: Submission) {
        if let defect = submission.request.defect {
            submission.continuation.resume(returning: .notSent(code: "invalid_request", message: defect))
            return
        }
        guard let slot = free.popLast() ?? makeSlot() else {
            submission.continuation.resume(
                returning: .notSent(code: "internal", message: "Memory is short; try later."))
            return
        }
        guard slot.load(submission) else { return slot.finish(code: CURLE_FAILED_INIT) }
        busy[slot.easy.number] = slot
        guard unsafe curl_multi_add_handle(multi, slot.easy.pointer) == CURLM_OK else {
            busy[slot.easy.number] = nil
            return slot.finish(code: CURLE_FAILED_INIT)
        }
    }

    /// Answers those whose transfers have ended.
    private func harvest() {
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE, let easy = unsafe message.pointee.easy_handle else {
                continue
            }
            let code = unsafe tw_message_result(message)
            unsafe curl_multi_remove_handle(multi, easy)
            guard let slot = busy.removeValue(forKey: Int(bitPattern: easy)) else { continue }
            slot.finish(code: code)
            free.append(slot)
        }
    }
}
