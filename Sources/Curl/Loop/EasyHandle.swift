import CLibcurl
import Glibc

/// Owns one `CURL`; freed exactly once, here.
///
/// Used by one thread at a time.
@safe struct EasyHandle: ~Copyable {
    let pointer: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>
    /// The first option that could not be set; the handle may not be used then.
    private(set) var failure = CURLE_OK

    init?() {
        guard let pointer = unsafe curl_easy_init() else { return nil }
        unsafe self.pointer = pointer
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        unsafe note(tw_easy_set_pointer(pointer, CURLOPT_ERRORBUFFER, errorText))
    }

    deinit {
        unsafe curl_easy_cleanup(pointer)
        unsafe errorText.deallocate()
    }

    /// The handle's address, to find its owner by.
    var number: Int { unsafe Int(bitPattern: pointer) }

    mutating func note(_ code: CURLcode) {
        if failure == CURLE_OK { failure = code }
    }

    mutating func set(_ option: CURLoption, _ value: Int) {
        unsafe note(tw_easy_set_long(pointer, option, value))
    }

    mutating func set(_ option: CURLoption, _ value: String?) {
        unsafe note(tw_easy_set_string(pointer, option, value))
    }

    /// `list` must outlive the transfer.
    mutating func set(_ option: CURLoption, _ list: UnsafeMutablePointer<curl_slist>?) {
        unsafe note(tw_easy_set_pointer(pointer, option, list))
    }

    /// The options of every transfer of ours, HTTP and mail: no environment, no files, no surprises.
    mutating func configure(trusting trust: CertificateBundle) {
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_PROXY, "")  // else http_proxy and its kin are obeyed
        set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        set(CURLOPT_CAINFO, trust.path)
        // A CA directory would also turn off libcurl's cache of parsed authorities: some 10 ms for each handshake.
        set(CURLOPT_CAPATH, nil as String?)
        // A lookup cannot be cancelled: without this, a transfer that ends during one blocks its thread until DNS answers.
        set(CURLOPT_QUICK_EXIT, 1)
        unsafe errorText[0] = 0
    }

    /// The error that the system gave for the last failed connect, as « (…)».
    var systemError: String {
        var number = 0
        guard unsafe tw_easy_get_long(pointer, CURLINFO_OS_ERRNO, &number) == CURLE_OK, number != 0 else { return "" }
        return unsafe " (\(String(cString: strerror(Int32(truncatingIfNeeded: number)))))"
    }

    /// libcurl's own words about the last failure with `host` taken out, as « (…)»; they may quote the URL: for TLS only.
    func libraryError(hiding host: String?) -> String {
        var text = unsafe String(cString: errorText)
        if let host, !host.isEmpty { text = text.replacing(host, with: "the host") }
        return text.isEmpty ? "" : " (\(text.prefix(200)))"
    }

    func clearError() {
        unsafe errorText[0] = 0
    }
}
