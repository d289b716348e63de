import Domain
import Notifier

/// Destinations: somebody is told, and what they are told arrives.
enum DestinationCheckup {
    struct Entry: Sendable {
        var summary: DestinationSummary
        /// With its opened configuration.
        var opened: Result<Destination?, any Error>
        /// Messages given up and not replayed.
        var dead: Int
    }

    /// - Parameter configured: destinations of the settings, which `serve` stores at its start.
    static func findings(_ entries: [Entry], configured: Int, addresses: AddressRefusal = .none) -> [Finding] {
        guard !entries.isEmpty else {
            return configured > 0
                ? [.ok(.destinations, "The settings name \(configured), which the first `tokenward serve` stores.")]
                : [
                    .warning(
                        .destinations, "Nobody is told when a human is needed.",
                        "Set SLACK_WEBHOOK_URL, SMTP_URL with SUPERADMIN_EMAILS, or WEBHOOK_URL, or add a destination.")
                ]
        }
        var findings = entries.flatMap { Self.findings($0, addresses) }
        if !entries.contains(where: { $0.summary.isDefault && $0.summary.tenantID == nil }) {
            findings.append(
                .warning(
                    .destinations,
                    "No destination of the platform is a default one: what matches none is told to nobody.",
                    "Mark one as default."))
        }
        return findings.isEmpty
            ? [.ok(.destinations, "\(entries.count) destinations are valid and take their messages.")] : findings
    }

    private static func findings(_ entry: Entry, _ addresses: AddressRefusal) -> [Finding] {
        let name = "The destination “\(entry.summary.name)” (\(entry.summary.id))"
        var findings: [Finding] = []
        switch entry.opened {
        case .failure(let error):
            findings.append(
                .failed(.destinations, "\(name) cannot be opened: \(error)", "Look at the keys, or add it anew."))
        case .success(let destination?):
            do {
                try DestinationCheck.check(destination, addresses: addresses)
            } catch {
                findings.append(.failed(.destinations, "\(name) is not valid: \(error)", "Remove it and add it anew."))
            }
        case .success(nil): break
        }
        if let fault = entry.summary.fault {
            findings.append(
                .warning(
                    .destinations, "\(name) refused its last message: \(fault)",
                    "Mend it, then run `tokenward destinations test \(entry.summary.id)`."))
        }
        if entry.dead > 0 {
            findings.append(
                .warning(
                    .destinations, "\(name) has \(entry.dead) messages that were given up.",
                    "Mend it, then replay them by POST /v1/deliveries/{id}/replay."))
        }
        return findings
    }
}
