import Domain
import FoundationEssentials
import Testing

@testable import Providers

@Suite("Catalogue")
struct CatalogueTests {
    static let names = [
        "amocrm", "atlassian", "bitrix24", "discord", "dropbox", "facebook", "facebook-ads", "github-app-user",
        "gitlab", "google", "google-ads", "hubspot", "instagram", "kommo", "linkedin", "mailchimp", "mercadolibre",
        "microsoft", "notion", "oauth2", "pinterest", "quickbooks", "reddit", "salesforce", "salesforce-my-domain",
        "shopify", "slack", "slack-user", "snapchat", "threads", "tiktok", "tiktok-business", "tiktok-legacy",
        "tiktok-shop", "twitch", "whatsapp", "x", "xero", "youtube", "zoho", "zoom",
    ]

    @Test func `the embedded catalogue holds the platforms and hides the base`() throws {
        #expect(try catalogue.get().names == Self.names)
        #expect(try catalogue.get()["rfc6749"] == nil)
    }

    @Test func `every file of the directory is embedded`() throws {
        let directory = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/Providers/Catalogue").standardizedFileURL.path
        let files = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".yaml") }
        #expect(files.sorted() == EmbeddedCatalogue.files.map(\.name))
    }

    @Test(arguments: names)
    func `every example is classified as it says`(name: String) throws {
        let entry = try entry(name)
        #expect(!entry.examples.isEmpty)
        #expect(entry.failingExamples() == [])
    }

    @Test(arguments: names)
    func `a successful example gives a credential`(name: String) throws {
        let entry = try entry(name)
        for example in entry.examples where example.expected == "ok" && example.phase == .refresh {
            let renewal = try entry.renewal(from: Sample.answer(String(decoding: example.body, as: UTF8.self)))
            #expect(renewal.credential.accessToken?.isEmpty == false)
            #expect(renewal.credential.parameters == ["subdomain": "acme"])
        }
    }

    @Test func `the revision follows what is resolved and not how it is written`() throws {
        let embedded = try catalogue.get().revision
        #expect(embedded.count == 64)
        #expect(try Catalogue.embedded().revision == embedded)
        #expect(try overlaid("providers:\n  tiktok: {policy: {refresh_before: 3h}}").revision != embedded)
        let spaced = try overlaid("providers:\n  tiktok: {policy: {refresh_before: 3h}} # a comment").revision
        #expect(try overlaid("providers:\n  tiktok:\n    policy:\n      refresh_before: 3h").revision == spaced)
    }

    struct Facts: Sendable, CustomTestStringConvertible {
        var name: String
        var refreshBefore: Duration
        var replay: ReplayClass
        var credential: CredentialKind = .refreshToken
        var minAge: Duration = .zero
        var keepAlive: Duration?
        var testDescription: String { name }
    }

    static let facts: [Facts] = [
        Facts(name: "oauth2", refreshBefore: .seconds(600), replay: .single),
        Facts(name: "google", refreshBefore: .seconds(600), replay: .free, keepAlive: .seconds(30 * 86_400)),
        Facts(name: "youtube", refreshBefore: .seconds(600), replay: .free, keepAlive: .seconds(30 * 86_400)),
        Facts(name: "google-ads", refreshBefore: .seconds(600), replay: .free, keepAlive: .seconds(30 * 86_400)),
        Facts(name: "facebook", refreshBefore: .seconds(15 * 86_400), replay: .single, credential: .accessToken),
        Facts(name: "facebook-ads", refreshBefore: .seconds(7 * 86_400), replay: .single, credential: .accessToken),
        Facts(name: "whatsapp", refreshBefore: .seconds(15 * 86_400), replay: .single, credential: .accessToken),
        Facts(
            name: "instagram", refreshBefore: .seconds(15 * 86_400), replay: .single, credential: .accessToken,
            minAge: .seconds(86_400)),
        Facts(name: "tiktok", refreshBefore: .seconds(7200), replay: .single),
        Facts(name: "tiktok-legacy", refreshBefore: .seconds(7200), replay: .single),
        Facts(name: "tiktok-shop", refreshBefore: .seconds(86_400), replay: .single),
        Facts(name: "amocrm", refreshBefore: .seconds(7200), replay: .single, keepAlive: .seconds(30 * 86_400)),
        Facts(name: "kommo", refreshBefore: .seconds(7200), replay: .single, keepAlive: .seconds(30 * 86_400)),
        Facts(
            name: "threads", refreshBefore: .seconds(15 * 86_400), replay: .single, credential: .accessToken,
            minAge: .seconds(86_400)),
        Facts(name: "x", refreshBefore: .seconds(900), replay: .family, keepAlive: .seconds(30 * 86_400)),
        Facts(
            name: "xero", refreshBefore: .seconds(300), replay: .grace(.seconds(1800)), keepAlive: .seconds(14 * 86_400)
        ),
        Facts(name: "microsoft", refreshBefore: .seconds(600), replay: .free, keepAlive: .seconds(30 * 86_400)),
        Facts(name: "shopify", refreshBefore: .seconds(300), replay: .free, keepAlive: .seconds(30 * 86_400)),
        Facts(
            name: "github-app-user", refreshBefore: .seconds(1800), replay: .single, keepAlive: .seconds(30 * 86_400)),
        Facts(name: "quickbooks", refreshBefore: .seconds(600), replay: .single, keepAlive: .seconds(7 * 86_400)),
        Facts(name: "mailchimp", refreshBefore: .seconds(600), replay: .free, credential: .none),
        Facts(name: "slack-user", refreshBefore: .seconds(7200), replay: .single),
    ]

    @Test(arguments: facts)
    func `times and replay class are those of the platform`(facts: Facts) throws {
        let entry = try entry(facts.name)
        #expect(entry.policy.refreshBefore == facts.refreshBefore)
        #expect(entry.renewalTime.refreshBefore == facts.refreshBefore)
        #expect(entry.renewalTime.keepAlive == facts.keepAlive)
        #expect(entry.renewalTime.minAge == facts.minAge)
        #expect(entry.replayClass == facts.replay)
        #expect(entry.credential == facts.credential)
        #expect(entry.policy.deadConfirmations == 2)
    }

    @Test(arguments: [
        ("rotation: never", ReplayClass.free), ("old_refresh_valid: forever", .free),
        ("old_refresh_valid: until_next_use, on_reuse: family_revoked", .free),
        ("old_refresh_valid: 30m, on_reuse: family_revoked", .family), ("on_reuse: family_revoked", .family),
        ("old_refresh_valid: 30m", .grace(.seconds(1800))), ("old_refresh_valid: unknown", .single),
        ("rotation: always", .single),
    ])
    func `the replay class follows the policy`(policy: String, expected: ReplayClass) throws {
        let entry = try #require(try overlaid("providers:\n  own: {extends: oauth2, policy: {\(policy)}}")["own"])
        #expect(entry.replayClass == expected)
    }

    @Test(arguments: names)
    func `every entry says where its facts come from`(name: String) throws {
        #expect(try !entry(name).sources.isEmpty)
    }

    /// A 401 at an inspection, a bare status and an empty body ask nobody to authorize again (PROTOCOL §7).
    @Test(arguments: names)
    func `no answer without words is a verdict`(name: String) throws {
        let entry = try entry(name)
        for phase in Phase.allCases {
            for status in [400, 401, 402, 403, 404, 405, 409, 410, 418, 422, 451] {
                for body in ["", "{}", "[]", "<html>invalid_grant</html>", "{\"x\":1}"] {
                    let failure = entry.failure(status, body, phase: phase)
                    #expect(failure?.answerClass != .reauth, "\(phase) \(status) \(body)")
                    #expect(failure?.isNamed == false, "\(phase) \(status) \(body)")
                }
            }
        }
    }

    /// Where the inspection shows the token alone, a refusal is not the app's.
    @Test(arguments: names)
    func `an inspection without the app's secret never accuses the app by its status`(name: String) throws {
        let entry = try entry(name)
        guard let inspect = entry.requests[.inspect] else { return }
        let expected: AnswerClass = inspect.presentsApp ? .client : .unknown
        #expect(entry.failure(401, "", phase: .inspect)?.answerClass == expected)
    }

    @Test func `amocrm demands a new refresh token and instagram an unexpired one`() throws {
        #expect(try entry("amocrm").policy.requireNewRefreshToken)
        #expect(try entry("instagram").policy.onlyUnexpired)
        #expect(try entry("facebook").policy.verifyExtended)
        #expect(try entry("tiktok-legacy").isDeprecated)
        #expect(try !entry("tiktok").isDeprecated)
        #expect(try entry("facebook").canInspect && !entry("instagram").canInspect)
    }
}
