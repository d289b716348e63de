/// What a URL that receives secrets must look like.
enum EndpointURL {
    static let bytesMax = 8192
    /// What may not stand in a URL as it is, besides controls, spaces and everything beyond ASCII.
    private static let unfit = Set(#""<>\^`{|}#"#.utf8)

    /// A sentence when the URL is not https (or http to a literal loopback host), or not plain; nil when it is well.
    static func fault(in url: String) -> String? {
        guard url.utf8.count <= bytesMax, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !unfit.contains($0) })
        else { return "The URL holds characters that a URL may not hold." }
        let isPlain = url.hasPrefix("http://")
        guard isPlain || url.hasPrefix("https://") else { return "The URL must begin with https://." }
        let rest = url.utf8.dropFirst(isPlain ? 7 : 8)
        let authority = Substring(rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") })
        guard !authority.contains("@") else { return "The URL must not hold a user name or password." }
        guard let (host, port) = split(authority), isHost(host) else { return "The URL's host is not a host name." }
        if let port {
            guard port.utf8.count <= 5, port.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(port),
                (1...65535).contains(number)
            else { return "The URL's port is not a port number." }
        }
        guard !isPlain || isLoopback(host) else {
            return "The URL must begin with https://; http:// is for 127.0.0.1, [::1] and localhost alone."
        }
        return nil
    }

    /// `https://host:port` of a URL that may be used, in lower case; nil for any other text.
    static func origin(of url: String) -> String? {
        guard fault(in: url) == nil else { return nil }
        let scheme = url.hasPrefix("http://") ? "http://" : "https://"
        return scheme + url.dropFirst(scheme.count).prefix { !"/?".contains($0) }.lowercased()
    }

    private static func split(_ authority: Substring) -> (host: Substring, port: Substring?)? {
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            let host = authority[...close]
            let rest = authority[authority.index(after: close)...]
            if rest.isEmpty { return (host, nil) }
            return rest.hasPrefix(":") ? (host, rest.dropFirst()) : nil
        }
        let pieces = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return pieces.count == 2 ? (pieces[0], pieces[1]) : (authority, nil)
    }

    private static func isHost(_ host: Substring) -> Bool {
        if host.hasPrefix("[") {
            return host.utf8.count > 3
                && host.dropFirst().dropLast().utf8.allSatisfy {
                    (48...58).contains($0) || (97...102).contains($0) || (65...70).contains($0) || $0 == 46
                }
        }
        guard (1...253).contains(host.utf8.count) else { return false }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.utf8.first != UInt8(ascii: "-")
                && label.utf8.allSatisfy {
                    (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || $0 == 45
                }
        }
    }

    /// The outbound guard checks the address that `localhost` resolves to.
    private static func isLoopback(_ host: Substring) -> Bool {
        if host == "[::1]" || host == "localhost" { return true }
        let octets = host.split(separator: ".", omittingEmptySubsequences: false)
        return octets.count == 4 && octets[0] == "127" && octets.allSatisfy { UInt8($0) != nil }
    }
}
