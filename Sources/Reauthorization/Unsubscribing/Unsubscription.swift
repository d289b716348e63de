package import Domain
package import Sealing
package import Templates

/// `/unsubscribe/{link}` (RFC 8058): GET shows, POST mutes an address of a destination and can take it back.
///
/// Nothing is deleted, and other addresses and destinations are told as ever. Mail programs post without cookies or a
/// page's help, so the link alone is the proof.
package struct Unsubscription: Sendable {
    private let control: any RelayControl
    private let ring: KeyRing
    private let pages: Pages
    private let perAddress: RateLimit

    /// - Parameter language: of pages for browsers that ask for none of ours.
    package init(
        control: any RelayControl, ring: KeyRing, templates: MessageTemplates, language: String,
        clock: any LocalClock = SystemClock()
    ) {
        self.control = control
        self.ring = ring
        pages = Pages(templates: templates, language: language)
        perAddress = RateLimit(120, per: .seconds(60), clock: clock)
    }

    private static let prefix = "/unsubscribe/"

    /// The page's address for one receiver.
    package static func url(publicURL: String, ring: KeyRing, destination id: String, recipient: String) -> String {
        publicURL + prefix + MuteLink(destinationID: id, recipient: recipient).text(signedWith: ring)
    }

    /// Answers a request for this page; nil when the path is another's.
    package func answer(_ request: PageRequest) async throws -> PageAnswer? {
        guard request.path.hasPrefix(Self.prefix) else { return nil }
        let language = request.language(among: MessageTemplates.languages, fallback: pages.language)
        let pages = pages.speaking(language)
        guard perAddress.take(request.remoteAddress) else { return try pages.notice(.tooMany) }
        let text = String(request.path.dropFirst(Self.prefix.count))
        guard let link = MuteLink(text: text, signedWith: ring) else { return try pages.notice(.linkInvalid) }
        switch request.method {
        case "GET", "HEAD":
            let isMuted = try await control.mutes(tenantID: nil).contains {
                $0.destinationID == link.destinationID && $0.recipient == link.recipient
            }
            return try page(link, isMuted: isMuted, isDone: false, pages, action: request.path)
        case "POST":
            let actor = AuditActor(
                name: "mail recipient", address: request.remoteAddress.isEmpty ? nil : request.remoteAddress)
            if request.form["undo"] == "1" {
                _ = try await control.unmute(
                    destination: link.destinationID, recipient: link.recipient, tenantID: nil, by: actor)
                return try page(link, isMuted: false, isDone: true, pages, action: request.path)
            }
            let isKnown = try await control.mute(
                destination: link.destinationID, recipient: link.recipient, tenantID: nil, by: actor)
            guard isKnown else { return try pages.notice(.linkInvalid) }
            return try page(link, isMuted: true, isDone: true, pages, action: request.path)
        default: return try pages.notice(.wrongMethod)
        }
    }

    private func page(
        _ link: MuteLink, isMuted: Bool, isDone: Bool, _ pages: Pages, action: String
    ) throws(TemplateError) -> PageAnswer {
        let html = try pages.templates.render(
            "unsubscribe.page", language: pages.language,
            [
                "language": .text(pages.language),
                "address": .text(String(DisplayText.clean(link.recipient).prefix(320))),
                "isMuted": .flag(isMuted), "isDone": .flag(isDone), "action": .text(action),
            ])
        return .page(html)
    }
}
