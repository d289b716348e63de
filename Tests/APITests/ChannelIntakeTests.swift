import API
import Domain
import FoundationEssentials
import Providers
import Testing

@Suite("Channel intake")
struct ChannelIntakeTests {
    private let now = Date(timeIntervalSince1970: 1_795_240_800)

    private struct NoApps: AppDirectory {
        func app(provider: String, tenantID: String) -> App? {
            provider == "amocrm" && tenantID == "acme"
                ? App(id: "amocrm/acme", provider: "amocrm", tenantID: "acme", clientID: "c", secrets: []) : nil
        }
    }

    private func intake() throws -> ChannelIntake {
        ChannelIntake(catalogue: try Catalogue.embedded(), apps: NoApps())
    }

    private func channel(_ columns: [String: String]) throws -> NewChannel {
        try intake().channel(try ChannelFields(columns: columns), now: now)
    }

    private struct OwnEndpoint: AppDirectory {
        func app(provider: String, tenantID: String) -> App? {
            App(
                id: provider, provider: provider, clientID: "c", secrets: [],
                parameters: ["token_url": "https://login.example/token"])
        }
    }

    @Test func `an endpoint of the app need not stand on the channel, and a superadmin's may`() throws {
        let intake = ChannelIntake(catalogue: try Catalogue.embedded(), apps: OwnEndpoint())
        var columns = ["provider": "oauth2", "refresh_token": "rt"]
        #expect(try intake.channel(try ChannelFields(columns: columns), now: now).grant.credential.parameters == [:])
        columns["params"] = #"{"token_url":"https://other.example/token"}"#
        #expect(
            try intake.channel(try ChannelFields(columns: columns), now: now).grant.credential.parameters
                == ["token_url": "https://other.example/token"])
    }

    @Test func `a Meta token with less than two days left is exchanged at once`() throws {
        func due(_ hours: Double, provider: String = "whatsapp") throws -> Bool {
            try channel([
                "provider": provider, "access_token": "x", "access_issued_at": "\(now.timeIntervalSince1970)",
                "access_expires_at": "\(now.timeIntervalSince1970 + hours * 3600)",
            ]).grant.dueAt.map { $0 <= now } ?? false
        }
        #expect(try due(1) && due(47) && due(47, provider: "instagram"))
        #expect(try !due(49) && !due(1440) && !due(1, provider: "youtube"))
    }

    @Test func `a whole channel is taken as it is named`() throws {
        let channel = try channel([
            "id": "crm", "tenant_id": "acme", "user_id": "u", "provider": "amocrm", "display_name": "Sales",
            "local_name": "crm-1", "external_id": "42", "status": "paused", "params": #"{"subdomain":"acme"}"#,
            "access_token": "at", "refresh_token": "rt", "access_issued_at": "2026-11-21T05:00:00Z",
            "access_expires_at": "1795320000.5", "refresh_expires_at": "2027-02-01T00:00:00.250Z", "scopes": "a  b",
            "meta": #"{"x":1}"#,
        ])
        #expect(channel.id == "crm" && channel.tenantID == "acme" && channel.appID == "amocrm/acme")
        #expect(channel.status == .paused && channel.displayName == "Sales" && channel.meta == #"{"x":1}"#)
        let grant = channel.grant
        #expect(grant.credential.accessToken == Secret("at") && grant.credential.refreshToken == Secret("rt"))
        #expect(grant.credential.scopes == ["a", "b"] && grant.credential.parameters == ["subdomain": "acme"])
        #expect(grant.accessIssuedAt == now - 3600)
        #expect(grant.accessExpiresAt == Date(timeIntervalSince1970: 1_795_320_000.5))
        #expect(grant.humanDeadlineAt == grant.refreshExpiresAt)
    }

    @Test func `what is left out has its default`() throws {
        let channel = try channel(["provider": "youtube", "refresh_token": "rt"])
        #expect(channel.id.rawValue.hasPrefix("ch_") && channel.tenantID == "default" && channel.status == .active)
        #expect(channel.appID == "youtube" && channel.meta == "{}" && channel.grant.credential.accessToken == nil)
        #expect(channel.grant.dueAt.map { $0 <= now } == true, "without an access token the first refresh is due")
    }

    @Test func `a channel is due before its end and not before its life allows`() throws {
        let long = try channel([
            "id": "a", "provider": "youtube", "access_token": "x", "access_issued_at": "2026-11-21T06:00:00Z",
            "access_expires_at": "2026-11-21T07:00:00Z",
        ]).grant
        let due = try #require(long.dueAt)
        #expect(due < now + 3600 - 600 && due > now + 3600 - 700)
        let past = try channel([
            "id": "a", "provider": "youtube", "access_token": "x", "access_expires_at": "2026-11-20T07:00:00Z",
        ]).grant
        #expect(try #require(past.dueAt) <= now)
    }

    @Test(arguments: [
        ([:], "`provider` is missing"), (["provider": "nosuch"], "there is no provider `nosuch`"),
        (["provider": "youtube"], "`access_token` or `refresh_token` is required"),
        (["provider": "facebook", "refresh_token": "x"], "facebook renews the access token itself"),
        (["provider": "youtube", "access_token": "x", "id": "two words"], "`id` must be at most 200 visible"),
        (["provider": "youtube", "access_token": "x", "id": String(repeating: "x", count: 201)], "`id` must be"),
        (["provider": "youtube", "access_token": "x", "id": "a\u{7F}"], "`id` must be"),
        (["provider": "youtube", "access_token": "a b"], "`access_token` must be at most 16384 visible ASCII"),
        (["provider": "youtube", "access_token": "é"], "`access_token` must be"),
        (["provider": "youtube", "access_token": String(repeating: "x", count: 16_385)], "`access_token` must be"),
        (["provider": "youtube", "refresh_token": "x\n"], "`refresh_token` must be"),
        (
            ["provider": "youtube", "access_token": "x", "display_name": "a\u{1B}[31m"],
            "`display_name` must be at most"
        ),
        (["provider": "youtube", "access_token": "x", "status": "warning"], "`status` is `active` or `paused`"),
        (["provider": "youtube", "access_token": "x", "meta": "[]"], "`meta` is not a JSON object"),
        (["provider": "youtube", "access_token": "x", "params": "x"], "`params` is not a JSON object"),
        (
            ["provider": "youtube", "access_token": "x", "params": #"{"x":"y"}"#],
            "youtube has no connection parameter `x`"
        ),
        (
            ["provider": "youtube", "access_token": "x", "access_expires_at": "tomorrow"],
            "`access_expires_at` is not a time"
        ),
        (["provider": "youtube", "access_token": "x", "access_expires_at": "-5"], "`access_expires_at` is not a time"),
        (
            ["provider": "youtube", "access_token": "x", "access_expires_at": "nan"],
            "`access_expires_at` is not a time"
        ),
        (["provider": "youtube", "access_token": "x", "access_expires_at": "1e300"], "`access_expires_at` is not"),
        (["provider": "amocrm", "access_token": "x"], "amocrm needs the connection parameter `subdomain`"),
        (
            ["provider": "amocrm", "access_token": "x", "params": #"{"subdomain":7}"#],
            "`params.subdomain` must be text"
        ),
        (
            ["provider": "amocrm", "access_token": "x", "params": #"{"subdomain":"a.evil.example"}"#],
            "`params.subdomain` must"
        ),
        (
            ["provider": "amocrm", "access_token": "x", "params": #"{"subdomain":""}"#],
            "`params.subdomain` is empty"
        ),
        (
            ["provider": "oauth2", "access_token": "x", "params": #"{"token_url":"ftp://h/"}"#],
            "`params.token_url` is not"
        ),
    ])
    func `a wrong field is refused by name`(_ columns: [String: String], _ begin: String) throws {
        let error = #expect(throws: IntakeError.self) { try channel(columns) }
        #expect(error?.description.hasPrefix(begin) == true, "\(error.map(String.init(describing:)) ?? "taken")")
    }

    @Test func `an unknown column is refused with the names there are`() {
        let error = #expect(throws: IntakeError.self) { try ChannelFields(columns: ["acces_token": "x"]) }
        #expect(error?.description.contains("`acces_token` is not a field") == true)
        #expect(error?.description.contains("access_token, refresh_token") == true)
    }

    @Test func `new tokens keep the channel's parameters unless they bring their own`() throws {
        let entry = try #require(try Catalogue.embedded()["amocrm"])
        let kept = try intake().grant(
            try ChannelFields(columns: ["access_token": "x"]), channel: "c", entry: entry,
            parameters: ["subdomain": "acme"], now: now)
        #expect(kept.credential.parameters == ["subdomain": "acme"])
        let new = try intake().grant(
            try ChannelFields(columns: ["access_token": "x", "params": #"{"subdomain":"other"}"#]), channel: "c",
            entry: entry, parameters: ["subdomain": "acme"], now: now)
        #expect(new.credential.parameters == ["subdomain": "other"])
    }
}
