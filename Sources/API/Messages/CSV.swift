import Domain
import FoundationEssentials

/// Comma separated values as RFC 4180 has them, safe to open in a spreadsheet.
package enum CSV {
    package static let contentType = "text/csv; charset=utf-8; header=present"

    /// One line, with its end.
    package static func line(_ cells: [String]) -> String { cells.map(cell).joined(separator: ",") + "\r\n" }

    /// A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, “CSV Injection”): a name
    /// in the audit is somebody else's.
    static func cell(_ text: String) -> String {
        var text = text
        if let first = text.unicodeScalars.first, "=+-@\t\r\n＝＋－＠".unicodeScalars.contains(first) { text = "'" + text }
        let needsQuotes = text.unicodeScalars.contains { ",\"\r\n;\t'".unicodeScalars.contains($0) }
        return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}

extension APIRequest {
    /// `?format=csv`, or an `Accept` that names `text/csv` before JSON.
    var wantsCSV: Bool {
        if let format = parameter("format") { return format == "csv" }
        let types = (header("Accept") ?? "").split(separator: ",").map { type in
            (type.split(separator: ";").first ?? "").filter { $0 != " " }.lowercased()
        }
        return types.first { $0 == "text/csv" || $0 == "application/json" || $0 == "*/*" } == "text/csv"
    }

    /// The path of the same rows after `cursor`; nil without one.
    func path(withCursor cursor: String?) -> String? {
        guard let cursor else { return nil }
        let items = query.filter { $0.name != "cursor" } + [("cursor", cursor)]
        return "/" + segments.map(Self.escaped).joined(separator: "/") + "?"
            + items.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }.joined(separator: "&")
    }

    /// Percent-encoded but for what RFC 3986 reserves for nothing.
    private static func escaped(_ text: String) -> String {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~".utf8)
        let hex = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { escaped, byte in
            escaped +=
                plain.contains(byte)
                ? String(UnicodeScalar(byte)) : "%\(hex[Int(byte >> 4)])\(hex[Int(byte & 15)])"
        }
    }

    /// `since` and `until`.
    ///
    /// - Throws: ``Problem`` 400.
    func window() throws(Problem) -> TimeWindow {
        var window = TimeWindow()
        window.since = try time("since")
        window.until = try time("until")
        return window
    }

    private func time(_ name: String) throws(Problem) -> Date? {
        guard let text = parameter(name) else { return nil }
        guard let time = Date(rfc3339: text) else {
            throw .badRequest("`\(name)` is not a time: write RFC 3339 (2026-11-21T06:00:00Z).")
        }
        return time
    }
}

extension APIResponse {
    /// A file of rows under a header line.
    ///
    /// - Parameter next: the path of the rows that follow.
    static func csv(_ header: [String], _ rows: [[String]], name: String, next: String?) -> APIResponse {
        var response = APIResponse.text(([header] + rows).map(CSV.line).joined(), type: CSV.contentType)
        response.headers.append(HeaderField("Content-Disposition", "attachment; filename=\"\(name).csv\""))
        response.headers.append(HeaderField("Cache-Control", "no-store"))
        if let next { response.headers.append(HeaderField("Link", "<\(next)>; rel=\"next\"")) }
        return response
    }
}

extension Operation {
    /// What lists of past things take besides their own filters.
    static let window: [Parameter] = [
        .query("since", .string(format: "date-time"), "From this time on."),
        .query("until", .string(format: "date-time"), "Before this time."),
        .query("format", .oneOf(["json", "csv"]), "`csv` is also what `Accept: text/csv` asks for."),
    ]
}
