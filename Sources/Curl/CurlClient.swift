import CLibcurl
import Glibc
import Threads

/// Sends HTTP requests and mails through libcurl, on threads of its own.
///
/// Each request leaves at most once: libcurl sends a request again by itself when a kept connection dies, and is stopped
/// there (the outcome is `lost`). Nothing is read from the environment: no proxies, no netrc, no cookies. TLS is verified
/// against the system's authorities and those of `caFile`. Whom it may connect to is decided by an ``AddressGuard``.
///
/// The owner calls ``shutdown()`` in the end. A client that is dropped without it ends its threads by itself, later.
package final class CurlClient: Sendable {
    /// What this client may reach, for checks before something is saved.
    package let addresses: AddressGuard
    private let queue: TransferQueue
    private let mails: MailDesk

    /// Reads the certificates and starts the thread.
    ///
    /// - Throws: ``CurlError``.
    package init(configuration: CurlConfiguration = CurlConfiguration()) throws(CurlError) {
        guard Self.isLibraryReady else { throw .unusableLibrary(reason: "it cannot be initialised") }
        let trust = try CertificateBundle(extraFile: configuration.caFile)
        addresses = AddressGuard(allowedNetworks: configuration.allowedNetworks)
        mails = MailDesk(
            addresses: addresses, trust: trust, runningMax: configuration.mailsMax,
            waitingMax: configuration.mailsWaitingMax)
        let loop = try TransferLoop(configuration: configuration, trust: trust, addresses: addresses)
        queue = loop.queue
        startThread(named: "curl") {
            blockSignals()
            loop.run()
        }
    }

    deinit {
        queue.shutDown()
        mails.shutDown()
    }

    /// Sends `request` and returns how it ended.
    ///
    /// Cancelling the calling task does not cut the transfer.
    ///
    /// - Parameter permit: asked once, on the client's thread, right before the first byte of the request would leave; it
    ///   must not block. False ends the transfer as `notSent` with the code `permit_refused`.
    package func transfer(
        _ request: CurlRequest, permit: @escaping @Sendable () -> Bool = { true }
    ) async -> CurlOutcome {
        await withCheckedContinuation { continuation in
            queue.submit(Submission(request: request, permit: permit, continuation: continuation))
        }
    }

    /// Hands one mail to an SMTP server and returns how it ended.
    ///
    /// Cancelling the calling task does not cut the transfer.
    package func sendMail(_ mail: CurlMail) async -> CurlMailOutcome {
        await mails.send(mail)
    }

    /// Refuses new transfers and those that wait, waits for those in flight, frees everything.
    ///
    /// May be called again.
    ///
    /// Takes as long as the longest transfer in flight, which its total time limit bounds.
    package func shutdown() async {
        queue.shutDown()
        mails.shutDown()
        await queue.closed()
        await mails.closed()
    }

    private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK
}

/// Leaves signals to the other threads; above all SIGPIPE, which OpenSSL's writes to a closed socket raise in the writer.
///
/// Those of crashes stay, for the backtrace.
func blockSignals() {
    var signals = sigset_t()
    unsafe sigfillset(&signals)
    for signal in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP] { unsafe sigdelset(&signals, signal) }
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
}
