import Domain
import Foundation
import Reauthorization
import Sealing
import Synchronization
import Templates
import Testing

/// Mutes in memory; one destination with one recipient.
private final class MuteList: RelayControl {
    private let state = Mutex<[Mute]>([])

    var list: [Mute] { state.withLock { $0 } }

    func mute(destination id: String, recipient: String, tenantID: String?, by actor: AuditActor) async throws -> Bool {
        guard id == "env:email", recipient == "ann+ops@test.example" else { return false }
        state.withLock { list in
            if !list.contains(where: { $0.recipient == recipient }) {
                list.append(Mute(destinationID: id, recipient: recipient, by: actor.name, at: Date()))
            }
        }
        return true
    }

    func unmute(
        destination id: String, recipient: String, tenantID: String?, by actor: AuditActor
    ) async throws -> Bool {
        state.withLock { list in
            let count = list.count
            list.removeAll { $0.destinationID == id && $0.recipient == recipient }
            return list.count < count
        }
    }

    func mutes(tenantID: String?) async throws -> [Mute] { list }
    func acknowledge(
        _ target: RelayTarget, note: String?, tenantID: String?, by actor: AuditActor
    ) async throws -> [Incident] { [] }
    func snooze(
        _ target: RelayTarget, until end: Date, comment: String, tenantID: String?, by actor: AuditActor
    ) async throws -> [Silence] { [] }
    func addSilence(_ silence: Silence, by actor: AuditActor) async throws {}
    func silences(isActive: Bool, tenantID: String?, limit: Int) async throws -> [Silence] { [] }
    func removeSilence(_ id: String, tenantID: String?, by actor: AuditActor) async throws -> Bool { false }
}

@Suite("Unsubscribing") struct UnsubscriptionTests {
    private let control: MuteList
    private let ring: KeyRing
    private let pages: Unsubscription

    init() throws {
        control = MuteList()
        ring = KeyRing.generated().ring
        pages = Unsubscription(
            control: control, ring: ring, templates: try MessageTemplates.load(), language: "en")
    }

    private func path(_ destination: String = "env:email", _ recipient: String = "ann+ops@test.example") -> String {
        let url = Unsubscription.url(
            publicURL: "https://t.example", ring: ring, destination: destination, recipient: recipient)
        return String(url.dropFirst("https://t.example".count))
    }

    private func ask(
        _ method: String, _ path: String, body: String = "", language: String = "en"
    ) async throws -> PageAnswer {
        let request = PageRequest(
            method: method, path: path,
            headers: [
                HeaderField("Content-Type", "application/x-www-form-urlencoded"),
                HeaderField("Accept-Language", language), HeaderField("Sec-Fetch-Site", "cross-site"),
            ], body: Array(body.utf8), remoteAddress: "192.0.2.1")
        return try #require(try await pages.answer(request))
    }

    /// `PAGES_DIRECTORY` gets the pages for `make screenshots`.
    private func keep(_ name: String, _ answer: PageAnswer) throws {
        guard let directory = ProcessInfo.processInfo.environment["PAGES_DIRECTORY"] else { return }
        try Data(answer.html.utf8).write(to: URL(filePath: "\(directory)/\(name).html"))
    }

    @Test func `a visit shows, one click mutes, and the page takes it back`() async throws {
        for method in ["GET", "HEAD", "GET"] {
            let page = try await ask(method, path())
            #expect(page.status == 200 && page.html.contains("ann+ops@test.example"))
            #expect(page.html.contains("Stop mails?") && control.list.isEmpty)
            try keep("unsubscribe", page)
        }
        // As mail programs send it (RFC 8058), twice.
        for _ in 1...2 {
            let muted = try await ask("POST", path(), body: "List-Unsubscribe=One-Click")
            #expect(muted.status == 200 && muted.html.contains("Mails are stopped"))
            #expect(control.list.count == 1)
            try keep("unsubscribe-done", muted)
        }
        #expect(try await ask("GET", path()).html.contains("Send mails again"))
        let undone = try await ask("POST", path(), body: "undo=1")
        #expect(undone.status == 200 && undone.html.contains("Mails come again") && control.list.isEmpty)
        #expect(try await ask("POST", path(), body: "undo=1").status == 200)
    }

    @Test func `a changed or foreign link does nothing`() async throws {
        let good = Array(path())
        for index in good.indices.dropFirst("/unsubscribe/".count) {
            var changed = good
            changed[index] = changed[index] == "A" ? "B" : "A"
            #expect(try await ask("POST", String(changed)).status == 404, "changed at \(index)")
        }
        for other in ["/unsubscribe/", "/unsubscribe/x", "/unsubscribe/a.b.c.d", path() + "/x", path() + ".x"] {
            #expect(try await ask("POST", other).status == 404, "\(other)")
        }
        #expect(try await ask("POST", path("env:email", "bob@test.example")).status == 404)
        #expect(try await ask("POST", path("gone")).status == 404)
        #expect(control.list.isEmpty)
        #expect(try await pages.answer(PageRequest(method: "GET", path: "/reauthorize/x")) == nil)
        let repair = RepairLink(incidentID: 1, channelID: "ann+ops@test.example").text(signedWith: ring)
        #expect(try await ask("POST", "/unsubscribe/" + repair).status == 404)
        #expect(try await ask("DELETE", path()).status == 405)
    }

    @Test(arguments: MessageTemplates.languages)
    func `the page speaks the reader's language and escapes the address`(_ language: String) async throws {
        let page = try await ask("GET", path("env:email", "<b>&\"@test.example"), language: language)
        #expect(page.html.contains("<html lang=\"\(language)\">"))
        #expect(page.html.contains("&lt;b&gt;&amp;&quot;@test.example") && !page.html.contains("<b>"))
    }

    @Test func `too many requests from one address are put off`() async throws {
        var last = 200
        for _ in 0..<130 { last = try await ask("GET", path()).status }
        #expect(last == 429)
    }
}
