package import Domain

/// A browser's request, whatever server received it.
package struct PageRequest: Sendable {
    package var method: String
    /// Decoded, without the query.
    package var path: String
    package var query: [(name: String, value: String)]
    package var headers: [HeaderField]
    package var body: [UInt8]
    package var remoteAddress: String

    package init(
        method: String, path: String, query: [(name: String, value: String)] = [], headers: [HeaderField] = [],
        body: [UInt8] = [], remoteAddress: String = ""
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
    }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The only value of a parameter; nil when it is missing or stands there twice.
    func only(_ name: String) -> String? {
        let values = query.filter { $0.name == name }
        return values.count == 1 ? values[0].value : nil
    }

    /// In the order sent: of equal paths the oldest first (RFC 6265 §5.4).
    var cookies: [(name: String, value: String)] {
        headers.filter { $0.name.lowercased() == "cookie" }.flatMap { $0.value.split(separator: ";") }.compactMap {
            let halves = $0.drop { $0 == " " }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return halves.count == 2 ? (String(halves[0]), String(halves[1])) : nil
        }
    }

    /// Fields of an `application/x-www-form-urlencoded` body, at most 20; the last of a name counts.
    var form: [String: String] {
        guard header("Content-Type")?.lowercased().hasPrefix("application/x-www-form-urlencoded") ?? false else {
            return [:]
        }
        var fields: [String: String] = [:]
        for pair in body.split(separator: UInt8(ascii: "&")).prefix(20) {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(halves[0]), let value = Self.decoded(halves.count == 2 ? halves[1] : [])
            else { continue }
            fields[name] = value
        }
        return fields
    }

    private static func decoded(_ bytes: ArraySlice<UInt8>) -> String? {
        var out: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): out.append(0x20)
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst(), let low = rest.popFirst(),
                    let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
                else { return nil }
                out.append(value)
            default: out.append(byte)
            }
        }
        return String(validating: out, as: UTF8.self)
    }

    /// Whether another site made the browser send this (Fetch Metadata); browsers that do not say are believed, because
    /// cookies of ours do not travel with such a request (SameSite=Lax).
    var isCrossSite: Bool {
        guard let site = header("Sec-Fetch-Site") else { return false }
        return site != "same-origin" && site != "none"
    }

    /// The first of `known` that the browser asks for (`Accept-Language`), else `fallback`.
    func language(among known: [String], fallback: String) -> String {
        let wanted = (header("Accept-Language") ?? "").split(separator: ",").prefix(20).map { part in
            let fields = part.split(separator: ";")
            let tag =
                (fields.first ?? "").filter { $0 != " " }.split(separator: "-").first.map { $0.lowercased() } ?? ""
            let weight = fields.dropFirst().first.flatMap { Double($0.filter { $0 != " " }.dropFirst(2)) } ?? 1
            return (tag: tag, weight: weight)
        }
        return wanted.filter { known.contains($0.tag) && $0.weight > 0 }.max { $0.weight < $1.weight }?.tag ?? fallback
    }
}

/// What goes back to the browser.
package struct PageAnswer: Sendable, Equatable {
    package var status: Int
    package var headers: [HeaderField]
    package var html: String

    package init(status: Int, headers: [HeaderField], html: String) {
        self.status = status
        self.headers = headers
        self.html = html
    }

    /// The values of a header.
    package func all(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }

    /// A page with the headers of all pages.
    ///
    /// - Parameter formTarget: an origin besides our own to which the page's form may lead by a redirect.
    static func page(_ html: String, status: Int = 200, formTarget: String? = nil) -> PageAnswer {
        PageAnswer(
            status: status,
            headers: [HeaderField("Content-Type", "text/html; charset=utf-8")] + common(formTarget: formTarget),
            html: html)
    }

    static func redirect(to location: String) -> PageAnswer {
        PageAnswer(status: 303, headers: [HeaderField("Location", location)] + common(formTarget: nil), html: "")
    }

    /// Nothing is stored, framed, fetched from elsewhere or told to the next site.
    private static func common(formTarget: String?) -> [HeaderField] {
        let targets = (["'self'"] + [formTarget].compactMap(\.self)).joined(separator: " ")
        return [
            HeaderField("Cache-Control", "no-store"), HeaderField("Referrer-Policy", "no-referrer"),
            HeaderField("X-Content-Type-Options", "nosniff"), HeaderField("X-Frame-Options", "DENY"),
            HeaderField("Cross-Origin-Opener-Policy", "same-origin"),
            HeaderField("Cross-Origin-Resource-Policy", "same-origin"),
            HeaderField(
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; form-action \(targets); base-uri 'none'; "
                    + "frame-ancestors 'none'"),
        ]
    }
}
