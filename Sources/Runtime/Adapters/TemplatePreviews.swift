package import API
package import Domain
package import Notifier
import Templates

/// The notifier's previews for the API's routes.
extension MessagePreview: TemplatePreviewing {
    package func preview(_ order: PreviewOrder) throws(PreviewFault) -> String {
        guard let target = TemplateTarget(rawValue: order.target) else {
            throw PreviewFault(sentence: "There is no target `\(order.target.prefix(20))`.")
        }
        do {
            return try text(
                target,
                Order(kind: order.kind, type: order.type, language: order.language, channels: order.channels),
                candidate: order.candidate)
        } catch {
            throw PreviewFault(sentence: "\(error)")
        }
    }
}

/// A message with made-up incidents, as `tokenward templates preview` shows it.
package struct PreviewedMessage: Sendable {
    package var title: String
    /// Of mails and of Slack.
    package var text: String
    package var html: String
    /// The whole mail.
    package var mail: String
    /// Block Kit.
    package var slack: String
    package var webhook: String

    /// Renders with the templates that the settings name; needs no database.
    ///
    /// - Throws: ``StartError`` of kind misconfigured for templates that are not usable.
    package static func render(
        kind: MessageKind, type: MessageType?, language: String?, channels: Int, settings: Settings
    ) throws -> PreviewedMessage {
        let preview = MessagePreview(
            templates: try Installation.templates(settings),
            publicURL: settings.publicURL ?? "https://tokens.example.com")
        let order = MessagePreview.Order(
            kind: kind, type: type, language: language ?? settings.relay.language, channels: channels)
        return PreviewedMessage(
            title: try preview.text(.subject, order), text: try preview.text(.text, order),
            html: try preview.text(.html, order), mail: try preview.mail(order), slack: try preview.slack(order),
            webhook: preview.webhook(order))
    }
}
