import Domain
import Foundation
import Reauthorization
import Sealing
import Templates
import Testing

/// Every page there is, as its reader sees it; `make screenshots` takes the pictures from here.
@Suite("Every page")
struct GalleryTests {
    /// With the texts that pages are given.
    private static let notices = [
        "recovered", "connected", "link_invalid", "link_expired", "other_browser", "replayed", "declined",
        "issuer_mismatch", "callback_refused", "pending", "paste_refused", "sign_in_refused", "too_many",
        "wrong_method", "cross_site", "unavailable",
    ]

    private func keep(_ name: String, _ html: String) throws {
        guard let directory = ProcessInfo.processInfo.environment["PAGES_DIRECTORY"] else { return }
        try Data(html.utf8).write(to: URL(filePath: "\(directory)/\(name).html"))
    }

    @Test func `each way an authorization can end has words in every language`() throws {
        let templates = try MessageTemplates.load(overrideDirectory: nil)
        let refusals = AuthorizationRefusal.allCases.filter { $0 != .abandoned }.map(\.rawValue)
        for code in Self.notices + refusals {
            for language in MessageTemplates.languages {
                var context: [String: TemplateValue] = [
                    "language": .text(language), "name": "North Bakery TV", "expires": "2026-11-25 19:40 UTC",
                    "providerTitle": "YouTube", "parameter": "subdomain", "actual": "UCother001",
                    "expected": "UCnorthbakery01", "scopes": "https://www.googleapis.com/auth/youtube.upload",
                    "dead": true,
                ]
                context[code] = true
                if ["recovered", "connected"].contains(code) { context["isGood"] = true }
                if !["recovered", "connected", "link_invalid", "link_expired", "wrong_method"].contains(code) {
                    context["back"] = "/reauthorize/x"
                }
                if code == "declined" { context["message"] = "access_denied: The user denied the request" }
                let html = try templates.render("notice.page", language: language, context)
                #expect(html.split(separator: "<h1>").count == 2 && !html.contains("{{"), "\(code) in \(language)")
                if language == "en" { try keep("notice-" + code.replacing("_", with: "-"), html) }
            }
        }
    }

    @Test func `a link's page has its button, its sign-in or its form`() async throws {
        var repair = Channel.broken(provider: "youtube", account: "UCnorthbakery01", scopes: [])
        repair.displayName = "North Bakery TV"
        repair.warning?.message = "Google answered HTTP 400 (grant_dead): Token has been expired or revoked."
        var browser = try Browser(RepairWorld(channel: repair))
        let page = try await browser.get(browser.link).html
        #expect(page.contains("Continue to YouTube"))
        try keep("link", page)

        var unknown = repair
        unknown.externalID = nil
        browser = try Browser(RepairWorld(channel: unknown))
        let signIn = try await browser.get(browser.link).html
        #expect(signIn.contains("type=\"password\""))
        try keep("link-sign-in", signIn)

        let world = RepairWorld(channel: repair)
        world.change { $0.app = nil }
        browser = try Browser(world)
        _ = try await browser.signIn()
        let byHand = try await browser.get(browser.link).html
        #expect(byHand.contains("<textarea"))
        try keep("link-by-hand", byHand)

        browser = try Browser(RepairWorld(channel: nil))
        let ticket = Ticket(
            channel: "ch_new", tenant: "north-bakery", user: "maria", provider: "instagram", name: nil, params: [:],
            grant: nil, actor: "api", expiresAt: browser.clock.now + 60)
        let connect = try await browser.get("/connect/" + (try ticket.text(sealedWith: browser.ring))).html
        #expect(connect.contains("Connect Instagram"))
        try keep("connect", connect)
    }
}
