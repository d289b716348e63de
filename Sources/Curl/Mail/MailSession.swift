import CLibcurl
import FoundationEssentials
import Glibc

/// What libcurl's callbacks have seen of one mail transfer, and what its end means.
///
/// Belongs to one thread.
final class MailSession {
    let mail: CurlMail
    let server: MailServer
    private let addresses: AddressGuard
    private var offset = 0
    /// Everything was asked for and taken, so that the final dot may have left.
    private(set) var isWhole = false
    private(set) var replyCode = 0
    private var replyText: [String] = []
    private var isReplyOpen = false
    private var isAfterMessage = false
    private(set) var socket: Int32?
    private var isSocketRefused = false
    private var isSocketOpened = false

    init(mail: CurlMail, server: MailServer, addresses: AddressGuard) {
        self.mail = mail
        self.server = server
        self.addresses = addresses
    }

    static func at(_ context: UnsafeMutableRawPointer?) -> MailSession? {
        guard let context = unsafe context else { return nil }
        return unsafe Unmanaged<MailSession>.fromOpaque(context).takeUnretainedValue()
    }

    // MARK: What the callbacks do

    /// Fills the buffer with the next piece of the message; 0 is its end.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, mail.message.count - offset)
        unsafe buffer.copyBytes(from: mail.message[offset..<(offset + count)])
        offset += count
        // libcurl asks again only when all it was given is in the socket, and then adds the dot.
        isWhole = count == 0
        return count
    }

    /// Takes a line of a reply: `250-…` goes on, `250 …` ends it.
    func receiveReply(_ line: UnsafeRawBufferPointer) {
        let text = unsafe String(decoding: line.prefix(1024), as: UTF8.self)
        // 221 answers the QUIT after everything: it is no verdict.
        guard let code = Int(text.prefix(3)), (200...599).contains(code), code != 221 else { return }
        if !isReplyOpen { replyText = [] }
        isReplyOpen = text.dropFirst(3).first == "-"
        replyCode = code
        isAfterMessage = isWhole
        if replyText.count < 8 { replyText.append(String(text.dropFirst(4))) }
    }

    func open(_ address: UnsafePointer<curl_sockaddr>) -> Int32 {
        let isEncrypted = server.encryption != .none
        guard let opened = unsafe address.open(where: { addresses.allows($0, isEncrypted: isEncrypted) }) else {
            isSocketRefused = true
            return -1
        }
        isSocketOpened = true
        guard opened >= 0 else { return -1 }
        tw_socket_set_user_timeout(opened, UInt32(mail.totalTimeout.curlMilliseconds))
        socket = opened
        return opened
    }

    /// Closes; with a reset when a whole message got no reply, so that it does not arrive after it was given up.
    func close(_ socket: Int32) {
        if isWhole && !isAfterMessage { tw_socket_reset_on_close(socket) }
        if self.socket == socket { self.socket = nil }
        Glibc.close(socket)
    }

    // MARK: The end

    /// - Parameter detail: the system's or TLS's error, free of URL and credentials.
    func outcome(code: CURLcode, detail: String) -> CurlMailOutcome {
        if code == CURLE_OK { return .accepted(code: replyCode) }
        if isWhole {
            if isAfterMessage && replyCode >= 400 { return .refused(code: replyCode, message: reply) }
            return .lost(message: "The message was sent and the server did not say whether it took it: \(code.text).")
        }
        switch code {
        case CURLE_LOGIN_DENIED where replyCode < 400:
            return .notAuthenticated(message: "The server offers no method of authentication that works here.")
        case CURLE_LOGIN_DENIED where replyCode >= 500:
            return .notAuthenticated(message: "The server refused user and password (\(replyCode)); mend SMTP_URL.")
        case CURLE_USE_SSL_FAILED:
            return .notSent(message: "The server offers no STARTTLS; use smtps:// or another port.")
        case CURLE_COULDNT_CONNECT where isSocketRefused && !isSocketOpened:
            return .notSent(
                message: server.encryption == .none
                    ? "tls=none is for loopback addresses inside TOKENWARD_ALLOW_NETWORKS only."
                    : "The mail server's address is private; its network is not in TOKENWARD_ALLOW_NETWORKS.")
        case CURLE_COULDNT_RESOLVE_HOST:
            return .notSent(message: "The mail server's name could not be resolved; check it and the DNS.")
        default:
            if replyCode >= 400 { return .refused(code: replyCode, message: reply) }
            return .notSent(message: "The mail did not leave: \(code.text)\(detail).")
        }
    }

    /// The server's words, at most 300 characters, without controls and credentials.
    private var reply: String {
        var text = replyText.joined(separator: " ")
        let both = [UInt8](server.user.utf8) + [0] + [UInt8](server.password.utf8)
        let plain = Data([0] + both).base64EncodedString()
        var secrets = [server.user, server.password].filter { !$0.isEmpty }
        secrets += secrets.map { Data($0.utf8).base64EncodedString() }
        for secret in secrets + (server.user.isEmpty ? [] : [plain]) where text.contains(secret) {
            // A short one would be found in every other word: then the server's words are not shown at all.
            guard secret.count >= 4 else { return "The server gave no reason that can be shown." }
            text = text.replacing(secret, with: "<redacted>")
        }
        let clean = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) }
        return String(String(clean).split(separator: " ").joined(separator: " ").prefix(300))
    }
}
