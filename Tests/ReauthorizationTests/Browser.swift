import Domain
import Foundation
import Logging
import Providers
import Reauthorization
import Sealing
import Synchronization
import Templates
import TestSupport
import Testing

/// Keeps answers like the journal does.
final class ListJournal: AnswerJournal {
    private let state = Mutex<(answers: [JournalAnswer], done: [ClaimKey], isFull: Bool, open: Int)>(([], [], false, 0))

    var answers: [JournalAnswer] { state.withLock { $0.answers } }
    var done: [ClaimKey] { state.withLock { $0.done } }
    var reserved: Int { state.withLock { $0.open } }
    func fill() { state.withLock { $0.isFull = true } }

    func reserve() throws(JournalError) -> JournalReservation {
        if state.withLock({ $0.isFull }) { throw .full }
        state.withLock { $0.open += 1 }
        return JournalReservation(id: 1)
    }
    func release(_ reservation: JournalReservation) { state.withLock { $0.open -= 1 } }
    func noteClaims(_ keys: [ClaimKey]) {}
    func append(_ answer: JournalAnswer, using reservation: JournalReservation) async throws(JournalError) {
        state.withLock {
            $0.open -= 1
            $0.answers.append(answer)
        }
    }
    func noteDone(_ keys: [ClaimKey]) { state.withLock { $0.done += keys } }
    func recover() async throws(JournalError) -> JournalRecovery { JournalRecovery() }
    func quarantine(_ key: ClaimKey, because sentence: String) async {}
    func standing() -> JournalStanding {
        JournalStanding(openEntries: 0, retainedEntries: 0, quarantinedEntries: 0, failure: nil)
    }
}

/// The pages over a small world, and one browser in front of them.
struct Browser {
    let world: RepairWorld
    let provider: ScriptedHTTP
    let journal = ListJournal()
    let pages: Reauthorization
    let ring: KeyRing
    let site: String
    /// In the order they were set.
    var cookies: [(name: String, value: String)] = []
    var headers: [HeaderField] = []
    var clock = Mutable(Date(timeIntervalSince1970: 1_795_244_400))

    /// A time that tests turn.
    final class Mutable: Sendable {
        private let value: Mutex<Date>
        init(_ value: Date) { self.value = Mutex(value) }
        var now: Date { value.withLock { $0 } }
        func advance(_ seconds: Double) { value.withLock { $0 += seconds } }
    }

    init(
        _ world: RepairWorld, provider: ScriptedHTTP = ScriptedHTTP(), catalogue: String? = nil,
        site: String = "https://tokens.example.com", redirectURIs: [String] = []
    ) throws {
        self.world = world
        self.provider = provider
        self.site = site
        ring = try testRing("k1")
        var entries = try Catalogue.embedded()
        if let catalogue { entries = try entries.overlaid(with: [CatalogueFile(name: "test.yaml", text: catalogue)]) }
        let clock = clock
        pages = Reauthorization(
            ports: .init(
                channels: world, incidents: world, authorizations: world, tokens: world, apps: world, journal: journal,
                sender: provider, catalogue: entries),
            ring: ring, templates: try MessageTemplates.load(overrideDirectory: nil), language: "en", publicURL: site,
            redirectURIs: redirectURIs, clock: ManualClock(), now: { clock.now },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    var link: String {
        "/reauthorize/" + RepairLink(incidentID: 7, channelID: "shop").text(signedWith: ring)
    }

    mutating func send(_ method: String, _ target: String, form: String? = nil) async throws -> PageAnswer {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var request = PageRequest(
            method: method, path: parts[0], query: Self.pairs(parts.count > 1 ? parts[1] : ""), headers: headers,
            body: Array((form ?? "").utf8), remoteAddress: "203.0.113.9")
        if form != nil { request.headers.append(HeaderField("Content-Type", "application/x-www-form-urlencoded")) }
        if !cookies.isEmpty {
            request.headers.append(
                HeaderField("Cookie", cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")))
        }
        let answer = try #require(try await pages.answer(request), "\(method) \(target) is nobody's")
        for line in answer.all("Set-Cookie") {
            let pair = line.split(separator: ";")[0].split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            cookies.removeAll { $0.name == pair[0] }
            if !pair[1].isEmpty { cookies.append((String(pair[0]), String(pair[1]))) }
        }
        return answer
    }

    mutating func get(_ target: String) async throws -> PageAnswer { try await send("GET", target) }
    mutating func post(_ target: String, _ form: String = "") async throws -> PageAnswer {
        try await send("POST", target, form: form)
    }

    /// Presses the link's button.
    mutating func press(_ link: String? = nil) async throws -> Consent {
        let answer = try await post(link ?? self.link)
        try #require(answer.status == 303, "\(answer.html)")
        return Consent(address: try #require(answer.all("Location").first))
    }

    /// Signs in with a token.
    mutating func signIn(_ token: String = RepairWorld.admin) async throws -> PageAnswer {
        try await post(link + "/sign-in", "token=\(token)")
    }

    static func pairs(_ query: String) -> [(name: String, value: String)] {
        query.split(separator: "&").map { pair in
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                String($0).removingPercentEncoding ?? ""
            }
            return (halves[0], halves.count > 1 ? halves[1] : "")
        }
    }
}

/// The address that a button led to.
struct Consent {
    let address: String

    subscript(name: String) -> String? {
        Browser.pairs(String(address.split(separator: "?", maxSplits: 1).last ?? "")).first { $0.name == name }?.value
    }

    /// The way back with a code.
    func back(_ provider: String = "tiktok", code: String = "code-1", more: String = "") -> String {
        "/oauth/callback/\(provider)?code=\(code)&state=\(self["state"] ?? "")\(more)"
    }
}
