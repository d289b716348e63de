package import Domain

/// The destinations that settings name (DESIGN §3.2): always default, with ids that no other destination has.
package enum EnvironmentDestinations {
    /// Every id such a destination can have: those that are not set any more are removed at start.
    package static let ids = ["env:slack", "env:email", "env:webhook"]

    /// - Parameter setting: the value of a name; nil and empty are the same.
    /// - Throws: ``DestinationError``, with the names of the settings where that helps.
    package static func destinations(
        _ setting: (_ name: String) -> String?
    ) throws(DestinationError) -> [Destination] {
        func value(_ name: String) -> String? { setting(name).flatMap { $0.isEmpty ? nil : $0 } }
        var destinations: [Destination] = []
        if let url = value("SLACK_WEBHOOK_URL") {
            destinations.append(
                Destination(
                    id: "env:slack", name: "Slack", isDefault: true, configuration: .slackWebhook(url: Secret(url))))
        }
        switch (value("SMTP_URL"), value("SMTP_FROM"), value("SUPERADMIN_EMAILS")) {
        case (nil, nil, _), (nil, _, nil): break
        case (let server?, let sender?, let recipients?):
            destinations.append(
                Destination(
                    id: "env:email", name: "Superadmins", isDefault: true,
                    recipients: recipients.split { ", ;\n".contains($0) }.map(String.init),
                    configuration: .email(server: Secret(server), sender: sender)))
        // A server alone serves destinations that are added later.
        case (_?, _, nil): break
        case (nil, _, _?): throw .incomplete(has: "SUPERADMIN_EMAILS", needs: "SMTP_URL and SMTP_FROM")
        case (_?, nil, _?): throw .incomplete(has: "SMTP_URL", needs: "SMTP_FROM")
        }
        switch (value("WEBHOOK_URL"), value("WEBHOOK_SECRET")) {
        case (let url?, let secret?):
            destinations.append(
                Destination(
                    id: "env:webhook", name: "Webhook", isDefault: true,
                    configuration: .webhook(url: Secret(url), secret: Secret(secret))))
        case (_?, nil): throw .incomplete(has: "WEBHOOK_URL", needs: "WEBHOOK_SECRET (whsec_…)")
        case (nil, _?): throw .incomplete(has: "WEBHOOK_SECRET", needs: "WEBHOOK_URL")
        case (nil, nil): break
        }
        for destination in destinations { try DestinationCheck.check(destination) }
        return destinations
    }
}
