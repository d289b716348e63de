import CLibcurl

/// A URL taken apart by libcurl's own parser, so that what is checked is what will be connected to.
struct URLParts {
    /// In lower case.
    let scheme: String
    /// Percent-decoded; nil when absent.
    let user: String?
    let password: String?
    /// IPv6 in brackets; IPv4 in any notation comes out as four decimal parts.
    let host: String
    let port: Int?
    /// Percent-decoded, with the leading slash.
    let path: String
    let query: String?

    /// Nil when the text is no URL with a scheme and a host, or decodes to control characters.
    init?(_ text: String) {
        guard !text.utf8.contains(0), let url = unsafe curl_url() else { return nil }
        defer { unsafe curl_url_cleanup(url) }
        guard unsafe curl_url_set(url, CURLUPART_URL, text, UInt32(CURLU_NON_SUPPORT_SCHEME)) == CURLUE_OK else {
            return nil
        }
        func part(_ part: CURLUPart, decoding: Bool = false) -> (code: CURLUcode, text: String?) {
            var value: UnsafeMutablePointer<CChar>?
            let code = unsafe curl_url_get(url, part, &value, decoding ? UInt32(CURLU_URLDECODE) : 0)
            defer { unsafe curl_free(value) }
            return (code, unsafe value.map { unsafe String(cString: $0) })
        }
        let user = part(CURLUPART_USER, decoding: true)
        let password = part(CURLUPART_PASSWORD, decoding: true)
        let path = part(CURLUPART_PATH, decoding: true)
        guard let scheme = part(CURLUPART_SCHEME).text, let host = part(CURLUPART_HOST).text, !host.isEmpty,
            [CURLUE_OK, CURLUE_NO_USER].contains(user.code), [CURLUE_OK, CURLUE_NO_PASSWORD].contains(password.code),
            path.code == CURLUE_OK
        else { return nil }
        self.scheme = scheme.lowercased()
        self.user = user.text
        self.password = password.text
        self.host = host
        port = part(CURLUPART_PORT).text.flatMap(Int.init)
        self.path = path.text ?? "/"
        query = part(CURLUPART_QUERY).text
    }
}
