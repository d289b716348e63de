import Domain
import Foundation
import Logging
import Sandbox
import Synchronization
import Templates
import TestSupport
import Testing

@testable import Notifier

/// Remembers what people did.
final class FakeControl: RelayControl {
    struct Act: Equatable {
        var what: String
        var target: RelayTarget?
        var tenantID: String?
        var actor: String
        var until: Date?
    }

    private let state = Mutex<(acts: [Act], isOver: Bool)>(([], false))

    var acts: [Act] { state.withLock { $0.acts } }
    func close() { state.withLock { $0.isOver = true } }

    func acknowledge(
        _ target: RelayTarget, note: String?, tenantID: String?, by actor: AuditActor
    ) async throws -> [Incident] {
        state.withLock { state in
            state.acts.append(
                Act(what: "acknowledge", target: target, tenantID: tenantID, actor: actor.name, until: nil))
            guard !state.isOver else { return [] }
            return [
                Incident(
                    id: 1, cause: IncidentCause(kind: .channel, id: "c", reason: "r"), severity: .critical,
                    provider: nil, tenantID: nil, appID: nil, code: nil, message: nil, parentID: nil,
                    openedAt: Sample.date, closedAt: nil, members: [])
            ]
        }
    }

    func snooze(
        _ target: RelayTarget, until end: Date, comment: String, tenantID: String?, by actor: AuditActor
    ) async throws -> [Silence] {
        state.withLock { state in
            state.acts.append(Act(what: "snooze", target: target, tenantID: tenantID, actor: actor.name, until: end))
            guard !state.isOver else { return [] }
            return [
                Silence(
                    tenantID: tenantID, match: SilenceMatch(incident: 1), startsAt: Sample.date, endsAt: end,
                    author: actor.name, comment: comment, createdAt: Sample.date)
            ]
        }
    }

    func addSilence(_ silence: Silence, by actor: AuditActor) async throws {}
    func silences(isActive: Bool, tenantID: String?, limit: Int) async throws -> [Silence] { [] }
    func removeSilence(_ id: String, tenantID: String?, by actor: AuditActor) async throws -> Bool { false }
    func mute(destination id: String, recipient: String, tenantID: String?, by actor: AuditActor) async throws -> Bool {
        false
    }
    func unmute(
        destination id: String, recipient: String, tenantID: String?, by actor: AuditActor
    ) async throws -> Bool { false }
    func mutes(tenantID: String?) async throws -> [Mute] { [] }
}

@Suite("Presses in Slack") struct SlackHookTests {
    private static let secret = Secret("canary-Signing-Secret")

    private struct Scene {
        let control = FakeControl()
        let http = ScriptedHTTP(status: 200, body: #"{"ok":true,"channel":"C1","ts":"5.6"}"#)
        let log = LogText()
        var tenantID: String?

        func hook() throws -> SlackHook {
            let destination = Destination(
                id: "dst_1", tenantID: tenantID, name: "Ops", configuration: Sample.configuration(.slackBot))
            return SlackHook(
                destination: { $0 == "dst_1" ? destination : nil }, control: control, http: http,
                texts: try Sample.texts(), now: { Sample.date }, logger: log.logger)
        }

        func answer(_ press: SlackPress, body: String? = nil, changing headers: [String: String?] = [:]) async throws
            -> Int
        {
            var given: [String: String] = [:]
            for (name, value) in press.headers { given[name.lowercased()] = value }
            for (name, value) in headers { given[name] = value }
            return try await hook().answer(
                header: { given[$0] }, body: Array((body ?? press.body).utf8), remoteAddress: "192.0.2.9"
            ).status
        }

        var updated: [SlackBlock]? {
            struct Update: Decodable { var blocks: [SlackBlock] }
            return http.requests.last.flatMap { try? JSONDecoder().decode(Update.self, from: Data($0.body)).blocks }
        }
    }

    /// A message as the sandbox's Slack shows it.
    private func post(destinationID: String = "dst_1") throws -> SlackPost {
        var envelope = Sample.envelope(.slackBot)
        envelope.destinationID = destinationID
        let content = try SlackBotTransport(http: ScriptedHTTP(status: 200), texts: try Sample.texts()).render(
            Sample.message(), envelope, Sample.configuration(.slackBot))
        return try #require(SlackPost(reading: content, channel: "C1", ts: "5.6"))
    }

    private func press(
        _ action: String = "tokenward_acknowledge", destinationID: String = "dst_1", secret: Secret = secret,
        at time: Date = Sample.date
    ) throws -> SlackPress {
        try #require(SlackPress(action, of: try post(destinationID: destinationID), secret: secret, at: time))
    }

    @Test func `Acknowledge acts as the person in Slack and the message says so`() async throws {
        let scene = Scene()
        #expect(try await scene.answer(press()) == 200)
        #expect(
            scene.control.acts == [
                .init(what: "acknowledge", target: .delivery("msg_1"), tenantID: nil, actor: "slack:ann", until: nil)
            ])
        let request = try #require(scene.http.requests.first)
        #expect(request.url.reveal() == "https://slack.com/api/chat.update")
        let blocks = try #require(scene.updated)
        #expect(blocks.last == .context("Acknowledged by <@U0ANN>", id: "tokenward-note"))
        #expect(blocks.allSatisfy { $0.type != "actions" })
        #expect(blocks.first?.type == "header")
    }

    @Test(arguments: [("tokenward_snooze_hour", 3600.0, "21:26"), ("tokenward_snooze_day", 86400.0, "20:26")])
    func `Snooze is a silence until then, and Acknowledge stays`(
        _ action: String, _ seconds: Double, _ time: String
    ) async throws {
        let scene = Scene(tenantID: "acme")
        #expect(try await scene.answer(press(action)) == 200)
        #expect(
            scene.control.acts == [
                .init(
                    what: "snooze", target: .delivery("msg_1"), tenantID: "acme", actor: "slack:ann",
                    until: Sample.date.addingTimeInterval(seconds))
            ])
        let blocks = try #require(scene.updated)
        #expect(blocks.last?.type == "actions")
        guard case .text(let note)? = blocks.dropLast().last?.elements?.first else {
            Issue.record("\(blocks)")
            return
        }
        #expect(note.text.hasPrefix("Snoozed by <@U0ANN> until 2026-05-2") && note.text.contains(time))
    }

    @Test func `who presses what is over is told so, and the message stays as it is`() async throws {
        struct Told: Decodable, Equatable { var channel: String, user: String, text: String }
        let scene = Scene()
        scene.control.close()
        #expect(try await scene.answer(press()) == 200)
        let request = try #require(scene.http.requests.first)
        #expect(scene.http.requests.count == 1)
        #expect(request.url.reveal() == "https://slack.com/api/chat.postEphemeral")
        let told = try JSONDecoder().decode(Told.self, from: Data(request.body))
        #expect(told == Told(channel: "C1", user: "U0ANN", text: "This is over already; nothing was changed."))
    }

    @Test func `a forged, changed or old request changes nothing`() async throws {
        let scene = Scene()
        let good = try press()
        #expect(try await scene.answer(press(secret: Secret("another-secret"))) == 401)
        #expect(try await scene.answer(press(at: Sample.date.addingTimeInterval(-301))) == 401)
        #expect(try await scene.answer(press(at: Sample.date.addingTimeInterval(301))) == 401)
        #expect(try await scene.answer(press(destinationID: "dst_2")) == 401)
        #expect(try await scene.answer(good, body: good.body + "&x=1") == 401)
        #expect(try await scene.answer(good, body: good.body.replacing("U0ANN", with: "U0BOB")) == 401)
        #expect(try await scene.answer(good, body: "") == 401)
        #expect(try await scene.answer(good, body: "payload=%7B") == 401)
        for value in [
            "", "v0=", "v1=" + good.signature.dropFirst(3), good.signature + "0", good.signature.uppercased(),
        ] {
            #expect(try await scene.answer(good, changing: ["x-slack-signature": value]) == 401, "\(value)")
        }
        for value in ["", "x", "-1", "1e9", "99999999999999999999999", " \(good.timestamp)"] {
            #expect(try await scene.answer(good, changing: ["x-slack-request-timestamp": value]) == 401, "\(value)")
        }
        #expect(try await scene.answer(good, changing: ["x-slack-signature": nil]) == 401)
        #expect(try await scene.answer(good, changing: ["x-slack-request-timestamp": nil]) == 401)
        #expect(try await scene.answer(good, body: String(repeating: "a", count: 300_000)) == 413)
        #expect(scene.control.acts.isEmpty && scene.http.requests.isEmpty)
        #expect(try await scene.answer(press(at: Sample.date.addingTimeInterval(-299))) == 200)
    }

    @Test func `that the message cannot be changed is logged and no failure`() async throws {
        let scene = Scene()
        let http = ScriptedHTTP { _ in .lost(code: "timeout", message: "xoxb-canary-Bot-Token") }
        let destination = Destination(id: "dst_1", name: "Ops", configuration: Sample.configuration(.slackBot))
        let hook = SlackHook(
            destination: { _ in destination }, control: scene.control, http: http, texts: try Sample.texts(),
            now: { Sample.date }, logger: scene.log.logger)
        let press = try press()
        let headers = Dictionary(uniqueKeysWithValues: press.headers.map { ($0.key.lowercased(), $0.value) })
        let answer = try await hook.answer(header: { headers[$0] }, body: Array(press.body.utf8), remoteAddress: "")
        #expect(answer.status == 200 && scene.control.acts.count == 1)
        #expect(scene.log.text.contains("slack.update_failed") && !scene.log.text.contains("canary"))
    }
}
