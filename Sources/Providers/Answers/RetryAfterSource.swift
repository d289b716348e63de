import Domain
package import FoundationEssentials

/// One place where a provider says how long to wait.
enum RetryAfterSource: Sendable {
    enum Unit: String, CaseIterable, Sendable {
        case seconds, minutes, milliseconds

        var inSeconds: Double {
            switch self {
            case .seconds: 1
            case .minutes: 60
            case .milliseconds: 0.001
            }
        }
    }

    /// A number or an HTTP date.
    case header(String, Unit)
    /// JSON inside a header; of several values the largest counts.
    case headerJSON(String, BodyPath, Unit)
    case body(BodyPath, Unit)

    static let longest = Duration.seconds(7 * 86_400)

    /// The wait; nil when the source is missing, unreadable, zero or negative.
    func duration(headers: [HeaderField], body: JSONValue, now: Date) -> Duration? {
        switch self {
        case .header(let name, let unit):
            guard let text = Self.value(of: name, in: headers) else { return nil }
            if let number = Double(text) { return Self.duration(seconds: number * unit.inSeconds) }
            return HTTPDate.date(text).flatMap { Self.duration(seconds: $0.timeIntervalSince(now)) }
        case .headerJSON(let name, let path, let unit):
            guard let text = Self.value(of: name, in: headers), let root = JSONParser.parse(Array(text.utf8)) else {
                return nil
            }
            return path.values(in: root).compactMap(\.number).max().flatMap {
                Self.duration(seconds: $0 * unit.inSeconds)
            }
        case .body(let path, let unit):
            return path.value(in: body)?.number.flatMap { Self.duration(seconds: $0 * unit.inSeconds) }
        }
    }

    private static func value(of name: String, in headers: [HeaderField]) -> String? {
        guard let value = headers.first(where: { $0.name.lowercased() == name })?.value, value.utf8.count <= 16_384
        else {
            return nil
        }
        return String(value.drop { $0 == " " })
    }

    private static func duration(seconds: Double) -> Duration? {
        guard seconds.isFinite, seconds > 0 else { return nil }
        return min(.seconds(min(seconds, 1e9)), longest)
    }
}

/// The dates of HTTP headers: `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    package static func date(_ text: String) -> Date? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let day = Int(words[1]), let year = Int(words[3]),
            let month = months.firstIndex(of: String(words[2])), (1...31).contains(day), (1970...9999).contains(year)
        else { return nil }
        let time = words[4].split(separator: ":").compactMap { Int($0) }
        guard time.count == 3, (0..<24).contains(time[0]), (0..<60).contains(time[1]), (0...60).contains(time[2]) else {
            return nil
        }
        return Date(
            timeIntervalSince1970: Double(days(year: year, month: month + 1, day: day) * 86_400)
                + Double(time[0] * 3600 + time[1] * 60 + time[2]))
    }

    /// Days since 1970-01-01 in the Gregorian calendar.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
