import Domain
import FoundationEssentials
import Reauthorization
import Sealing
import Templates
import Testing

@Suite("Repair pages")
struct RepairPagesTests {
    private let since = Date(timeIntervalSince1970: 1_795_240_800)

    private func pages(_ world: RepairWorld, language: String = "en") throws -> RepairPages {
        RepairPages(
            channels: world, incidents: world, ring: try testRing("k1"),
            templates: try MessageTemplates.load(overrideDirectory: nil), language: language,
            publicURL: "https://tokens.example.com")
    }

    private func link(_ channel: ChannelID = "shop", _ incident: Int64 = 7) throws -> String {
        RepairLink(incidentID: incident, channelID: channel).text(signedWith: try testRing("k1"))
    }

    @Test(arguments: ["en", "es", "ru", "vi"])
    func `the page names the channel, the reason, since when and until when`(_ language: String) async throws {
        let page = try await pages(RepairWorld(channel: .broken(since: since)), language: language).page(link: link())
        #expect(page.status == 200)
        for part in [
            "Maria&#39;s &lt;Bakery&gt;", "youtube", "acme", "maria", "2026-11-21T06:00:00Z", "2026-11-21T07:00:00Z",
        ] {
            #expect(
                page.html.contains(part) || page.html.contains(part.replacing("&#39;", with: "'")),
                "\(part): \(page.html)")
        }
        #expect(page.html.contains("<html lang=\"\(language)\">"))
        #expect(!page.html.contains("{{") && !page.html.contains("<Bakery>") && !page.html.contains("<script"))
    }

    @Test func `what the provider said is shown without live links or markup`() async throws {
        var channel = Channel.broken(since: since)
        channel.warning?.message = "See <a href=x>https://evil.example/login</a>\u{202E}"
        channel.displayName = String(repeating: "long ", count: 100)
        let page = try await pages(RepairWorld(channel: channel)).page(link: link())
        #expect(!page.html.contains("https://evil.example") && !page.html.contains("<a href=x>"))
        #expect(!page.html.contains("\u{202E}") && page.html.contains("…"))
    }

    @Test func `a link that is cut, foreign or about nothing is a clear 404`() async throws {
        let world = RepairWorld(channel: .broken(since: since))
        let good = try link()
        let texts = ["", "x", String(good.dropLast()), try link("other"), try link("shop", 8)]
        for text in texts {
            let page = try await pages(world).page(link: text)
            #expect(page.status == 404 && page.html.contains("not valid"), "\(text)")
            #expect(!page.html.contains("Bakery"))
        }
    }

    @Test func `a mended channel has nothing to do`() async throws {
        var well = Channel.broken(since: since)
        well.warning = nil
        well.status = .active
        let mended = try await pages(RepairWorld(channel: well)).page(link: link())
        #expect(mended.status == 200 && mended.html.contains("well again"))
        let closed = RepairWorld(channel: .broken(since: since), closedAt: since + 60)
        #expect(try await pages(closed).page(link: link()).html.contains("well again"))
    }

    @Test func `a channel's URL is its open incident's and there is none without`() async throws {
        let url = try await pages(RepairWorld(channel: .broken(since: since))).url(of: "shop")
        #expect(url == "https://tokens.example.com/reauthorize/" + (try link()))
        #expect(try await pages(RepairWorld(channel: .broken(since: since), closedAt: since)).url(of: "shop") == nil)
    }

    @Test func `pages are kept by nobody, framed by nobody and load nothing`() {
        let headers = Dictionary(uniqueKeysWithValues: RepairPages.headers.map { ($0.name, $0.value) })
        #expect(headers["Cache-Control"] == "no-store" && headers["Referrer-Policy"] == "no-referrer")
        #expect(headers["X-Content-Type-Options"] == "nosniff")
        let policy = headers["Content-Security-Policy"] ?? ""
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
            #expect(policy.contains(rule))
        }
    }
}
