/// One row of the settings table: a name, what it takes, what it means.
package struct SettingRow: Sendable {
    /// The environment name; the settings file uses ``fileKey``.
    package let name: String
    package let kind: SettingKind
    /// The value when nothing is set, in the form a person would write; nil when there is none.
    package let standard: String?
    /// One phrase for docs/configuration.md, without a full stop.
    package let meaning: String

    init(_ name: String, _ kind: SettingKind, _ standard: String, _ meaning: String) {
        self.name = name
        self.kind = kind
        self.standard = standard
        self.meaning = meaning
    }

    init(_ name: String, _ kind: SettingKind, _ meaning: String) {
        self.name = name
        self.kind = kind
        self.standard = nil
        self.meaning = meaning
    }

    package var isSecret: Bool { kind.isSecret }

    /// The same setting's key in the settings file: lower case, without `TOKENWARD_`.
    package var fileKey: String { SettingRow.fileKey(of: name) }

    static func fileKey(of name: String) -> String {
        (name.hasPrefix(SettingsTable.prefix) ? String(name.dropFirst(SettingsTable.prefix.count)) : name).lowercased()
    }
}

/// What a setting takes, with its bounds.
package enum SettingKind: Sendable {
    case text
    case secret
    case path
    case choice([String])
    case integer(ClosedRange<Int>)
    case duration(ClosedRange<Duration>)
    /// Durations separated by commas, each within the bounds.
    case durations(ClosedRange<Duration>)
    case cron
    /// `off`, or intervals and crons separated by semicolons.
    case sweep
    case timeZone
    case listen
    case url
    /// A URL that carries a password or is itself the proof of who may post.
    case secretURL
    case networks
    case address
    case addresses
    case label

    package var isSecret: Bool {
        switch self {
        case .secret, .secretURL: true
        default: false
        }
    }

    /// What to write, for the table and for the sentences that refuse a value.
    package var expectation: String {
        switch self {
        case .text: "text"
        case .secret: "secret"
        case .path: "path"
        case .choice(let names): names.map { "`\($0)`" }.joined(separator: ", ")
        case .integer(let range): "integer, \(range.lowerBound) to \(range.upperBound)"
        case .duration(let range):
            "duration, \(DurationText.format(range.lowerBound)) to "
                + DurationText.format(range.upperBound)
        case .durations: "durations, by commas"
        case .cron: "cron, five fields"
        case .sweep: "`off`, or intervals and crons by semicolons"
        case .timeZone: "IANA time zone"
        case .listen: "address:port"
        case .url: "URL"
        case .secretURL: "URL, secret"
        case .networks: "CIDRs, by commas"
        case .address: "e-mail address"
        case .addresses: "e-mail addresses, by commas"
        case .label: "DNS label"
        }
    }
}
