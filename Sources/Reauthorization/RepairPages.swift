package import Domain
import FoundationEssentials
package import Sealing
package import Templates

/// The page behind a message's link: what is wrong with the channel, and how to give it new tokens.
///
/// Opening it writes nothing, so mail scanners are harmless. The consent flow's button has its place in the template.
package struct RepairPages: Sendable {
    /// A page as a server sends it.
    package struct Page: Sendable, Equatable {
        package var status: Int
        package var html: String
    }

    let channels: any ChannelDirectory
    let incidents: any RelayDirectory
    let ring: KeyRing
    let templates: MessageTemplates
    let language: String
    let publicURL: String

    package init(
        channels: any ChannelDirectory, incidents: any RelayDirectory, ring: KeyRing, templates: MessageTemplates,
        language: String, publicURL: String
    ) {
        self.channels = channels
        self.incidents = incidents
        self.ring = ring
        self.templates = templates
        self.language = language
        self.publicURL = publicURL
    }

    /// Headers of every page: nothing is stored, framed, fetched from elsewhere or told to the next site.
    package static let headers = [
        HeaderField("Content-Type", "text/html; charset=utf-8"), HeaderField("Cache-Control", "no-store"),
        HeaderField("Referrer-Policy", "no-referrer"), HeaderField("X-Content-Type-Options", "nosniff"),
        HeaderField(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ]

    /// The URL for a channel under an incident.
    package func url(of channel: ChannelID, incident: Int64) -> String {
        publicURL + "/reauthorize/" + RepairLink(incidentID: incident, channelID: channel).text(signedWith: ring)
    }

    /// The URL of a channel's gravest open incident; nil when it has none.
    package func url(of channel: ChannelID) async throws -> String? {
        guard let incident = try await incidents.openIncident(of: channel) else { return nil }
        return url(of: channel, incident: incident.id)
    }

    package func page(link text: String) async throws -> Page {
        guard let link = RepairLink(text: text, signedWith: ring),
            let incident = try await incidents.incident(link.incidentID, tenantID: nil),
            let channel = try await channels.channel(link.channelID, tenantID: nil)
        else {
            return try error(
                404, title: "This link is not valid",
                sentence: "It was cut on its way, or it was made by another installation.",
                hint: "Open it from the newest message again.")
        }
        guard incident.isOpen, let warning = channel.warning else {
            return try error(
                200, title: "Nothing to do: the channel is well again",
                sentence: "\(DisplayText.short(channel.displayName ?? channel.id.rawValue)) has been mended meanwhile.",
                hint: "The link has done its work.")
        }
        return Page(status: 200, html: try render(channel, warning, incident))
    }

    private func render(
        _ channel: Channel, _ warning: Channel.Warning, _ incident: Incident
    ) throws(TemplateError) -> String {
        let reason = try templates.render(
            "reason.text", language: language,
            ["reason": .text(warning.reason.rawValue), warning.reason.rawValue: true])
        let deadline = RelayRules.deadline(
            reason: warning.reason.rawValue, accessExpiresAt: channel.accessExpiresAt,
            humanDeadlineAt: channel.humanDeadline)
        let context: [String: TemplateValue?] = [
            "language": .text(language),
            "name": .text(DisplayText.short(channel.displayName ?? channel.id.rawValue)),
            "channelId": .text(channel.id.rawValue), "provider": .text(channel.provider),
            "tenant": .text(DisplayText.short(channel.tenantID)),
            "user": .optional(channel.userID.map { DisplayText.short($0) }),
            "reasonText": .text(reason.split(separator: "\n").joined(separator: " ")),
            "since": .optional((warning.since ?? incident.openedAt).formatted(.iso8601)),
            "deadline": .optional(deadline?.formatted(.iso8601)),
            "message": .optional(warning.message.map { DisplayText.short($0) }),
        ]
        return try templates.render("reauthorize.page", language: language, context.compactMapValues { $0 })
    }

    private func error(_ status: Int, title: String, sentence: String, hint: String) throws(TemplateError) -> Page {
        Page(
            status: status,
            html: try templates.render(
                "error.page", language: language,
                [
                    "language": .text(language), "title": .text(title), "sentence": .text(sentence),
                    "hint": .text(hint),
                ]))
    }
}
