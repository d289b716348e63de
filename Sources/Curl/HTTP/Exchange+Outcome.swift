import CLibcurl

extension Exchange {
    /// What the transfer's end means.
    ///
    /// - Parameters:
    ///   - code: libcurl's result.
    ///   - detail: for connections the system's error, for TLS libcurl's; free of URL and credentials.
    func outcome(code: CURLcode, detail: String) -> CurlOutcome {
        if isAnswered {
            // libcurl takes an end of the stream amid the headers for the end of an empty answer.
            let isCut = !isOverLong && (code != CURLE_OK || !isHeaderOver)
            return .answered(status: status, headers: headers, body: body, isCut: isCut, isOverLong: isOverLong)
        }
        return isPermitted ? lost(code: code, detail: detail) : notSent(code: code, detail: detail)
    }

    private func notSent(code: CURLcode, detail: String) -> CurlOutcome {
        switch (refusal, code) {
        case (.permit, _):
            return .notSent(
                code: "permit_refused", message: "The request was held back right before it would have left.")
        case (.address, _): return addressRefused
        case (_, CURLE_COULDNT_CONNECT) where isSocketRefused && !isSocketOpened: return addressRefused
        case (_, CURLE_URL_MALFORMAT), (_, CURLE_UNSUPPORTED_PROTOCOL), (_, CURLE_LOGIN_DENIED):
            return .notSent(
                code: "invalid_url", message: "The URL is malformed, has credentials or is neither https nor http.")
        case (_, CURLE_COULDNT_RESOLVE_HOST):
            return .notSent(code: "resolve", message: "The host name could not be resolved; check it and the DNS.")
        case (_, CURLE_COULDNT_CONNECT):
            return .notSent(code: "connect", message: "No connection could be made\(detail).")
        case (_, CURLE_OPERATION_TIMEDOUT):
            return .notSent(code: "connect_timeout", message: "The time limit was over before a connection stood.")
        case (_, let code) where code.isTLS:
            return .notSent(
                code: "tls",
                message: "TLS failed\(detail); check the certificate, or trust its CA by TOKENWARD_CA_FILE.")
        default:
            return .notSent(code: "connect", message: "The transfer ended before the request: \(code.text)\(detail).")
        }
    }

    private var addressRefused: CurlOutcome {
        let reason =
            request.isEncrypted
            ? "The host's address is private or reserved; its network is not in TOKENWARD_ALLOW_NETWORKS."
            : "Plain http:// goes only to a loopback address inside TOKENWARD_ALLOW_NETWORKS; write https://."
        return .notSent(code: "address_refused", message: reason)
    }

    private func lost(code: CURLcode, detail: String) -> CurlOutcome {
        if refusal == .secondSend {
            return .lost(
                code: "second_send_refused",
                message: "The connection ended without an answer; the request was not sent a second time.")
        }
        let name =
            switch code {
            case CURLE_OPERATION_TIMEDOUT: "timed_out"
            case CURLE_GOT_NOTHING: "empty_reply"
            case CURLE_SEND_ERROR: "send"
            case CURLE_RECV_ERROR, CURLE_PARTIAL_FILE: "receive"
            case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY: "no_http"
            default: code.isTLS ? "tls" : "transfer"
            }
        return .lost(code: name, message: "The request was sent and no answer came: \(code.text)\(detail).")
    }
}

extension CURLcode {
    /// A fixed text of libcurl's.
    var text: String { unsafe String(cString: curl_easy_strerror(self)) }

    var isTLS: Bool {
        [
            CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_PEER_FAILED_VERIFICATION,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS,
            CURLE_SSL_ENGINE_INITFAILED, CURLE_USE_SSL_FAILED,
        ].contains(self)
    }
}
