import Domain
import Store

/// The database server: reachable, writable, its clock beside ours.
enum ServerCheck {
    static let oldest = 13
    /// Beyond it PROTOCOL §10 speaks of a clock event.
    static let skewMax = 5.0

    static func findings(_ server: Examination.Server) -> [Finding] {
        var findings: [Finding] = []
        let milliseconds = Int((server.roundTrip.seconds * 1000).rounded(.up))
        let major = server.version.prefix { $0.isNumber }
        if server.isStandby {
            findings.append(
                .failed(
                    .database, "The database is a standby and takes no writes.", "Point DATABASE_URL to the primary."))
        } else if (Int(major) ?? oldest) < oldest {
            findings.append(
                .failed(
                    .database, "The database is PostgreSQL \(server.version).",
                    "Use PostgreSQL \(oldest) or newer."))
        } else {
            findings.append(
                .ok(.database, "PostgreSQL \(server.version) answers within \(milliseconds) ms."))
        }
        let skew = Int(abs(server.skew).rounded())
        if abs(server.skew) > skewMax {
            findings.append(
                .warning(
                    .clock,
                    "The database's clock is \(skew) s \(server.skew > 0 ? "ahead of" : "behind") this machine's.",
                    "Let both machines set their clocks by NTP; due times follow the database's."))
        } else {
            findings.append(.ok(.clock, "The database's clock and this machine's agree."))
        }
        return findings
    }
}
