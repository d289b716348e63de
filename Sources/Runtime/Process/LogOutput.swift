import FoundationEssentials
package import Logging
import POSIX

/// Log lines on standard error, as text for people or JSON for collectors (`TOKENWARD_LOG_FORMAT`).
package enum LogOutput {
    /// - Parameter quiet: commands that print answers log errors only, unless the level asks for more than `info`.
    package static func logger(_ settings: Settings.Log, quiet: Bool = false) -> Logger {
        let level = Logger.Level(rawValue: settings.level) ?? .info
        var logger = Logger(label: "tokenward") { _ in LineLogHandler(isJSON: settings.isJSON) }
        logger.logLevel = quiet && level >= .info ? max(level, .error) : level
        return logger
    }
}

/// One line an event; never more than 4 KiB.
struct LineLogHandler: LogHandler {
    static let lineBytesMax = 4_096

    let isJSON: Bool
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]

    init(isJSON: Bool) {
        self.isJSON = isJSON
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let more = event.metadata { fields.merge(more) { _, new in new } }
        let line = isJSON ? json(event, fields) : text(event, fields)
        StandardStreams.writeError(line + "\n")
    }

    private func text(_ event: LogEvent, _ fields: Logger.Metadata) -> String {
        var line = "\(Date().formatted(.iso8601)) \(event.level.rawValue) \(Self.oneLine(event.message.description))"
        let names = fields.keys.sorted { ($0 == "event" ? "" : $0) < ($1 == "event" ? "" : $1) }
        for name in names { line += " \(name)=\(Self.oneLine(fields[name]?.description ?? ""))" }
        return String(line.prefix(Self.lineBytesMax))
    }

    private func json(_ event: LogEvent, _ fields: Logger.Metadata) -> String {
        var members = fields.mapValues { String($0.description.prefix(1_000)) }
        members["time"] = Date().formatted(.iso8601)
        members["level"] = event.level.rawValue
        members["message"] = String(event.message.description.prefix(1_000))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(members)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// A value from outside cannot begin a line of its own.
    private static func oneLine(_ text: String) -> String {
        String(
            text.unicodeScalars.prefix(1_000).map { scalar in
                switch scalar.properties.generalCategory {
                case .control, .lineSeparator, .paragraphSeparator: " "
                default: Character(scalar)
                }
            })
    }
}
