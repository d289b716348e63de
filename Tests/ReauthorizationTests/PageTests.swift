import Domain
import FoundationEssentials
import Reauthorization
import Sealing
import TestSupport
import Testing

@Suite("Pages of a link")
struct PageTests {
    private let since = Date(timeIntervalSince1970: 1_795_240_800)

    @Test(arguments: ["en", "es", "ru", "vi"])
    func `the page speaks the browser's language and names everything`(_ language: String) async throws {
        var browser = try Browser(RepairWorld(channel: .broken(since: since)))
        browser.headers = [HeaderField("Accept-Language", "xx, \(language);q=0.9, en;q=0.1")]
        let page = try await browser.get(browser.link)
        #expect(page.status == 200)
        for part in [
            "Maria&#39;s &lt;Bakery&gt;", "TikTok", "acme", "maria", "2026-11-21 06:00 UTC", "2026-11-21 07:00 UTC",
        ] {
            #expect(page.html.contains(part), "\(part): \(page.html)")
        }
        #expect(page.html.contains("<html lang=\"\(language)\">"))
        #expect(!page.html.contains("{{") && !page.html.contains("<Bakery>") && !page.html.contains("<script"))
    }

    @Test func `names and provider texts are shown without live links or markup`() async throws {
        var channel = Channel.broken(since: since)
        channel.warning?.message = "See <a href=x>https://evil.example/login</a>\u{202E}"
        channel.displayName = "<script>alert(1)</script>" + String(repeating: "long ", count: 100)
        channel.externalID = "\"><img src=x onerror=alert(2)>"
        channel.tenantID = "<b>acme"
        var browser = try Browser(RepairWorld(channel: channel))
        let page = try await browser.get(browser.link)
        for part in ["https://evil.example", "<a href=x>", "<script", "<img", "<b>", "\u{202E}"] {
            #expect(!page.html.contains(part), "\(part): \(page.html)")
        }
        #expect(page.html.contains("…"))
    }

    @Test func `opening a link changes nothing, whoever opens it how often`() async throws {
        let world = RepairWorld(channel: .broken(since: since))
        var browser = try Browser(world)
        for _ in 0..<5 { _ = try await browser.get(browser.link) }
        _ = try await browser.send("HEAD", browser.link)
        #expect(browser.cookies.isEmpty && world.authorizations.isEmpty && world.written.isEmpty)
        #expect(browser.provider.requests.isEmpty)
    }

    @Test func `a link that is cut, foreign or about nothing is a clear 404`() async throws {
        let world = RepairWorld(channel: .broken(since: since))
        var browser = try Browser(world)
        let ring = try testRing("k1")
        let texts = [
            "x", String(browser.link.dropLast()), "a.b.c.d",
            "/reauthorize/" + RepairLink(incidentID: 7, channelID: "other").text(signedWith: ring),
            "/reauthorize/" + RepairLink(incidentID: 8, channelID: "shop").text(signedWith: ring),
        ]
        for text in texts {
            let page = try await browser.get(text.hasPrefix("/") ? text : "/reauthorize/" + text)
            #expect(page.status == 404 && page.html.contains("not valid"), "\(text)")
            #expect(!page.html.contains("Bakery"))
        }
    }

    @Test func `a recovered channel's link says so kindly, in green`() async throws {
        var well = Channel.broken(since: since)
        well.warning = nil
        well.status = .active
        for world in [RepairWorld(channel: well), RepairWorld(channel: .broken(since: since), closedAt: since + 60)] {
            var browser = try Browser(world)
            let page = try await browser.get(browser.link)
            #expect(page.status == 200 && page.html.contains("is well again") && page.html.contains("class=\"good\""))
            let pressed = try await browser.post(browser.link)
            #expect(pressed.status == 200 && browser.cookies.isEmpty)
        }
    }

    @Test func `pages are kept by nobody, framed by nobody and load nothing`() async throws {
        var browser = try Browser(RepairWorld(channel: .broken(since: since)))
        for page in [
            try await browser.get(browser.link), try await browser.get("/reauthorize/x"),
            try await browser.post(browser.link), try await browser.get("/oauth/callback/tiktok?state=x&code=y"),
        ] {
            #expect(page.all("Cache-Control") == ["no-store"] && page.all("Referrer-Policy") == ["no-referrer"])
            #expect(page.all("X-Content-Type-Options") == ["nosniff"] && page.all("X-Frame-Options") == ["DENY"])
            let policy = page.all("Content-Security-Policy").joined()
            for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
                #expect(policy.contains(rule), "\(policy)")
            }
        }
    }

    @Test func `links and addresses that press too often wait`() async throws {
        var browser = try Browser(RepairWorld(channel: .broken(since: since)))
        var statuses: [Int] = []
        for _ in 0..<25 { statuses.append(try await browser.post(browser.link).status) }
        #expect(statuses.prefix(20).allSatisfy { $0 == 303 } && statuses.last == 429, "\(statuses)")
        for _ in 0..<100 { _ = try await browser.get("/reauthorize/x") }
        let page = try await browser.get("/reauthorize/x")
        #expect(page.status == 429 && page.all("Retry-After") == ["60"])
    }

    @Test func `another site cannot press the button, and other methods do nothing`() async throws {
        var browser = try Browser(RepairWorld(channel: .broken(since: since)))
        browser.headers = [HeaderField("Sec-Fetch-Site", "cross-site")]
        #expect(try await browser.post(browser.link).status == 403)
        #expect(try await browser.send("DELETE", browser.link).status == 405)
        #expect(try await browser.send("HEAD", "/oauth/callback/tiktok?state=x&code=y").status == 405)
        #expect(browser.cookies.isEmpty)
    }

    @Test(arguments: [
        ("an entry without a consent page", "oauth2", "A setting", true), ("no app", "tiktok", "No app", false),
    ])
    func `what stands against a consent is said`(_ what: String, _ provider: String, _ words: String, _ hasApp: Bool)
        async throws
    {
        let world = RepairWorld(channel: .broken(since: since, provider: provider))
        if !hasApp { world.change { $0.app = nil } }
        var browser = try Browser(world)
        let page = try await browser.get(browser.link)
        #expect(!page.html.contains("Continue to") && page.html.contains("<details open>"), "\(page.html)")
        #expect(try await browser.post(browser.link).status == 200)
    }

    @Test func `plain http is for this machine alone`() async throws {
        let broken = Channel.broken(since: since)
        var remote = try Browser(RepairWorld(channel: broken), site: "http://tokens.example.com")
        #expect(try await remote.get(remote.link).html.contains("https"))
        #expect(try await remote.post(remote.link).status == 200 && remote.cookies.isEmpty)
        for site in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
            var local = try Browser(RepairWorld(channel: broken), site: site)
            _ = try await local.press()
            #expect(local.cookies.allSatisfy { !$0.name.hasPrefix("__Host-") } && local.cookies.count == 1)
        }
    }
}
