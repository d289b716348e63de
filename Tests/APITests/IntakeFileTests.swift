import API
import Domain
import FoundationEssentials
import Providers
import Testing

/// No app is configured.
private struct NoApps: AppDirectory {
    func app(provider: String, tenantID: String) -> App? { nil }
}

@Suite("Channel files and fields")
struct IntakeFileTests {
    private func intake() throws -> ChannelIntake { ChannelIntake(catalogue: try .embedded(), apps: NoApps()) }

    private func sentence(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func `CSV takes quotes, commas, line breaks and CRLF`() throws {
        let text =
            "id,provider,display_name,access_token\r\na,youtube,\"Shop \"\"One\"\", \nBerlin\",at\r\n\r\nb,youtube,,at\r\n"
        let rows = try ChannelFile.read(Array(text.utf8))
        #expect(rows.map(\.place) == ["line 2", "line 5"])
        #expect(rows[0].fields.values["display_name"] == "Shop \"One\", \nBerlin")
        #expect(rows[1].fields.values["display_name"] == nil)
    }

    @Test(arguments: [
        ("", "the file is empty"),
        ("id,provider,colour\n", "line 1: unknown column `colour`"),
        ("id,id\n", "line 1: a column stands twice in the header"),
        ("id,provider\na,youtube\nb\n", "line 3: 1 values where the header has 2 columns"),
        ("id,provider\na,\"you\nb,c\n", "line 2: a quote is not closed"),
        ("id,provider\na,\"you\"tube\n", "line 2: text after a closing quote"),
        ("[{\"provider\": 1.5}]", "item 1: `provider` must be text"),
        ("[{\"colour\": \"red\"}]", "item 1: `colour` is not a field"),
        ("[", "the file is not a JSON array"),
    ]) func `a malformed file is refused with its line`(text: String, expected: String) {
        let said = sentence { _ = try ChannelFile.read(Array(text.utf8)) }
        #expect(said.hasPrefix(expected), "\(said)")
    }

    @Test(arguments: [
        (["provider": "nope", "access_token": "a"], "there is no provider `nope`"),
        (["access_token": "a"], "`provider` is missing"),
        (["provider": "youtube"], "`access_token` or `refresh_token` is required"),
        (["provider": "whatsapp", "refresh_token": "r"], "whatsapp renews the access token itself"),
        (["provider": "youtube", "refresh_token": "with space"], "`refresh_token` must be"),
        (["provider": "youtube", "refresh_token": "r", "status": "broken"], "`status` is `active` or `paused`"),
        (
            ["provider": "youtube", "refresh_token": "r", "access_expires_at": "tomorrow"],
            "`access_expires_at` is not a time"
        ),
        (["provider": "youtube", "refresh_token": "r", "meta": "[]"], "`meta` is not a JSON object"),
        (["provider": "amocrm", "refresh_token": "r"], "amocrm needs the connection parameter `subdomain`"),
        (
            ["provider": "amocrm", "refresh_token": "r", "params": "{\"subdomain\":\"evil.example/\"}"],
            "`params.subdomain`"
        ),
        (
            ["provider": "amocrm", "refresh_token": "r", "params": "{\"host\":\"x\"}"],
            "amocrm has no connection parameter"
        ),
    ]) func `a channel that cannot be used is refused with one sentence`(columns: [String: String], expected: String) {
        let said = sentence { _ = try intake().channel(try ChannelFields(columns: columns), now: Date()) }
        #expect(said.hasPrefix(expected), "\(said)")
        #expect(!said.contains("with space"))
    }

    @Test func `JSON and CSV give the same channel`() throws {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let csv = try ChannelFields(columns: [
            "id": "a", "provider": "amocrm", "params": "{\"subdomain\":\"acme\"}", "access_token": "at",
            "refresh_token": "rt", "access_expires_at": "1800086400", "scopes": "one two",
        ])
        let json = try ChannelFields(
            object: [
                "id": "a", "provider": "amocrm", "params": ["subdomain": "acme"], "accessToken": "at",
                "refreshToken": "rt", "accessExpiresAt": "2027-01-16T08:00:00Z", "scopes": ["one", "two"],
            ])
        let first = try intake().channel(csv, now: now)
        let second = try intake().channel(json, now: now)
        #expect(first.grant.credential == second.grant.credential)
        #expect(first.grant.accessExpiresAt == second.grant.accessExpiresAt)
        #expect(first.grant.dueAt == second.grant.dueAt)
        #expect(first.tenantID == "default" && first.appID == "amocrm")
    }

    @Test func `a token without a known end is due at once, after its least age`() throws {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let youtube = try intake().channel(
            try ChannelFields(columns: ["provider": "youtube", "refresh_token": "rt"]), now: now)
        #expect(youtube.grant.dueAt == now)
        let instagram = try intake().channel(
            try ChannelFields(columns: ["provider": "instagram", "access_token": "at"]), now: now)
        #expect(instagram.grant.dueAt == now + 86_400)
    }
}
