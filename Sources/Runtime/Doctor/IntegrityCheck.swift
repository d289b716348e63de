import Domain

/// Sealed values that do not belong where they are, and rows that were put back (PROTOCOL §10).
enum IntegrityCheck {
    /// Credentials that are opened.
    static let sample = 500

    static func findings(unreadable: [ChannelID], rolledBack: [ChannelID]) -> [Finding] {
        var findings: [Finding] = []
        if !unreadable.isEmpty {
            findings.append(
                .failed(
                    .integrity, "\(count(unreadable)) a sealed credential that does not open: \(names(unreadable)).",
                    "A value was moved or damaged, or a key is missing; look at the keys first, then authorize again."))
        }
        if !rolledBack.isEmpty {
            findings.append(
                .failed(
                    .integrity,
                    "\(count(rolledBack)) a row older than the audit, so an old one was put back: \(names(rolledBack)).",
                    "They are parked and their superadmins told; find out who wrote to the database, then authorize again."
                ))
        }
        return findings.isEmpty
            ? [.ok(.integrity, "Credentials open, up to \(sample) tried, and no row is older than the audit.")]
            : findings
    }

    private static func count(_ channels: [ChannelID]) -> String {
        channels.count == 1 ? "1 channel has" : "\(channels.count) channels have"
    }

    private static func names(_ channels: [ChannelID]) -> String {
        let more = channels.count > 5 ? " and \(channels.count - 5) more" : ""
        return channels.prefix(5).map(\.rawValue).joined(separator: ", ") + more
    }
}
