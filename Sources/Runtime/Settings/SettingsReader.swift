import Domain
import FoundationEssentials
import Scheduling

/// Reads typed values by name and gathers a sentence for each bad one, so that all are told at once.
struct SettingsReader {
    let source: SettingsSource
    private(set) var problems: [String]
    /// The names asked for; a test compares them with the table.
    private(set) var asked: Set<String> = []

    init(source: SettingsSource) {
        self.source = source
        problems = source.problems
    }

    /// The text of a setting or its default.
    mutating func text(_ name: String) -> String? {
        asked.insert(name)
        return source.values[name] ?? SettingsTable.row(named: name)?.standard
    }

    mutating func secret(_ name: String) -> Secret? { text(name).map(Secret.init) }

    mutating func refuse(_ name: String, _ reason: String) {
        let origin = source.origins[name].map { " \($0.phrase)" } ?? ""
        problems.append("\(name)\(origin) \(reason)")
    }

    mutating func refuse(_ problem: String) { problems.append(problem) }

    /// An absolute path; a relative one counts from the working directory.
    mutating func path(_ name: String, mustExist: Bool = true) -> String? {
        guard let text = text(name) else { return nil }
        guard !text.utf8.contains(0) else {
            refuse(name, "holds a zero byte: write a path.")
            return nil
        }
        let path = text.hasPrefix("/") ? text : FileManager.default.currentDirectoryPath + "/" + text
        if mustExist, !FileManager.default.fileExists(atPath: path) {
            refuse(name, "names \(text), which does not exist: check the path.")
        }
        return path
    }

    mutating func integer(_ name: String) -> Int {
        guard case .integer(let range)? = SettingsTable.row(named: name)?.kind, let text = text(name) else { return 0 }
        guard let value = Int(text), range.contains(value) else {
            refuse(
                name, "is \(quoted(text)): write a whole number from \(range.lowerBound) to \(range.upperBound).")
            return range.lowerBound
        }
        return value
    }

    mutating func duration(_ name: String) -> Duration {
        guard case .duration(let range)? = SettingsTable.row(named: name)?.kind, let text = text(name) else {
            return .zero
        }
        guard let value = DurationText.parse(text) else {
            refuse(name, "is \(quoted(text)): write a number and a unit, such as 30s, 10m, 24h or 7d.")
            return range.lowerBound
        }
        guard range.contains(value) else {
            let bounds = "\(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
            refuse(name, "is \(quoted(text)): write a duration from \(bounds).")
            return range.lowerBound
        }
        return value
    }

    /// One to 50 durations.
    mutating func durations(_ name: String) -> [Duration] {
        guard case .durations(let range)? = SettingsTable.row(named: name)?.kind, let text = text(name) else {
            return []
        }
        let pieces = list(text)
        let values = pieces.compactMap(DurationText.parse)
        guard !values.isEmpty, values.count == pieces.count, values.count <= 50, values.allSatisfy(range.contains)
        else {
            let bounds = "\(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
            refuse(
                name, "is \(quoted(text)): write up to 50 durations from \(bounds) with commas, such as 1m,5m,1h.")
            return [range.lowerBound]
        }
        return values
    }

    mutating func choice(_ name: String) -> String {
        guard case .choice(let names)? = SettingsTable.row(named: name)?.kind, let text = text(name) else { return "" }
        guard names.contains(text.lowercased()) else {
            refuse(name, "is \(quoted(text)): write one of \(names.joined(separator: ", ")).")
            return names[0]
        }
        return text.lowercased()
    }

    mutating func cron(_ name: String, in zone: TimeZone) -> Recurrence {
        let text = text(name) ?? ""
        do {
            return .cron(try Cron(text), zone)
        } catch {
            refuse(name, "is \(quoted(text)): \(error)")
            return .every(.days(1))
        }
    }

    /// Intervals and crons with semicolons between them; commas may stand between intervals.
    mutating func sweep(_ name: String, in zone: TimeZone) -> [Recurrence] {
        guard let text = text(name), text.lowercased() != "off" else { return [] }
        var times: [Recurrence] = []
        for piece in text.split(whereSeparator: { $0 == ";" || $0.isNewline }) {
            let intervals = list(String(piece)).map(DurationText.parse)
            do {
                times +=
                    intervals.contains(nil)
                    ? [.cron(try Cron(String(piece)), zone)] : intervals.compactMap { $0 }.map { .every($0) }
            } catch {
                refuse(name, "is \(quoted(text)): \(error) Intervals are written as 30m.")
                return []
            }
        }
        let isUsable = times.allSatisfy { if case .every(let interval) = $0 { interval >= .seconds(1) } else { true } }
        if !isUsable || !(1...50).contains(times.count) {
            refuse(
                name, "is \(quoted(text)): write off, or up to 50 intervals of 1s or more and crons with semicolons.")
        }
        return times
    }

    mutating func timeZone(_ name: String) -> TimeZone {
        let text = text(name) ?? ""
        do {
            return try Recurrence.zone(text)
        } catch {
            refuse(name, "is \(quoted(text)): \(error)")
            return .gmt
        }
    }

    mutating func listen(_ name: String) -> Settings.ListenAddress {
        let none = Settings.ListenAddress(host: "127.0.0.1", port: 0)
        guard let text = text(name) else { return none }
        var host = text
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            refuse(name, "is \(quoted(text)): write address:port, such as 127.0.0.1:8080.")
            return none
        }
        host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            host = ""
        }
        if host == "localhost" { host = "127.0.0.1" }
        guard IPAddressText.bytes(of: host) != nil else {
            refuse(
                name, "is \(quoted(text)): write a numeric address and a port, such as 0.0.0.0:8080 or [::1]:8080.")
            return none
        }
        return Settings.ListenAddress(host: host, port: Int(port))
    }

    mutating func networks(_ name: String) -> [NetworkRange] {
        guard let text = text(name) else { return [] }
        return list(text).compactMap { piece in
            let range = NetworkRange(parsing: piece)
            if range == nil {
                refuse(
                    name, "holds \(quoted(piece)): write networks without host bits, such as 10.0.0.0/8,127.0.0.1/32.")
            }
            return range
        }
    }

    /// The pieces between commas, trimmed, empty ones left out.
    func list(_ text: String) -> [String] {
        text.split { $0 == "," || $0.isNewline }.map { $0.trimmingWhitespace() }.filter { !$0.isEmpty }
    }

    func quoted(_ text: String) -> String {
        let cut = text.count > 60 ? text.prefix(60) + "…" : text[...]
        return "\"" + String(cut.map { $0.isNewline ? " " : $0 }) + "\""
    }
}
