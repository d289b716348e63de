import FoundationEssentials
import Sandbox
import TestSupport
import Testing

/// Templates as their operators meet them: previews on the command line and over HTTP, and mistakes at start.
@Suite(.timeLimit(.minutes(3))) struct TemplateTests {
    private func preview(_ arguments: String..., settings: [String: String] = [:]) async throws -> Ending {
        try await Program.run(["templates", "preview"] + arguments, settings: settings)
    }

    @Test func `the command shows each transport's form and writes files`() async throws {
        let text = try await preview("--kind", "reminder", "--language", "es", "--channels", "3")
        #expect(text.status == 0 && text.output.hasPrefix("Recordatorio: Autorice de nuevo 3 canales"), "\(text)")
        let slack = try await preview("--type", "app.rejected", "--channels", "40", "--json")
        let blocks = try Value(parsing: slack.output)["blocks"]?.items ?? []
        #expect(blocks.first?["text"]?["text"]?.text == "🔴 instagram refuses the app: 40 channels wait", "\(slack)")
        #expect(SlackPayloadCheck.problems(in: Array(slack.output.utf8)).isEmpty)
        let webhook = try await preview("--transport", "webhook", "--kind", "recovered")
        #expect(webhook.output.contains(#""type":"channel.recovered""#), "\(webhook)")

        let place = "/tmp/tokenward-e2e-\(UUID().uuidString.prefix(8).lowercased())"
        for (ending, expected) in [("html", "<!DOCTYPE html>"), ("eml", "From: Tokenward"), ("json", "{\"blocks\"")] {
            let path = "\(place).\(ending)"
            defer { try? FileManager.default.removeItem(atPath: path) }
            let written = try await preview("--transport", "email", "--output", path)
            #expect(written.status == 0, "\(written)")
            let file = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
            #expect(file.hasPrefix(expected), "\(file.prefix(200))")
        }
        for wrong in [
            ["--kind", "x"], ["--type", "x"], ["--language", "fr"], ["--transport", "fax"], ["--channels", "0"],
            ["--output", "x.png"],
        ] {
            let ending = try await Program.run(["templates", "preview"] + wrong)
            #expect(ending.status == 2, "\(wrong): \(ending)")
        }
    }

    @Test func `a mistake in a template ends the start with file and line`() async throws {
        let directory = "/tmp/tokenward-e2e-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let settings = ["TOKENWARD_TEMPLATES": directory]
        let file = URL(filePath: directory + "/opened.slack.mustache")
        try Data("{{title}}\n{{> channels.slack}}".utf8).write(to: file)
        let good = try await preview("--channels", "1", "--json", settings: settings)
        #expect(good.status == 0 && good.output.contains("North Bakery"), "\(good)")
        for (text, sentence) in [
            ("{{title}}\n{{nmae}}", "opened.slack.mustache, line 2: nothing is called nmae"),
            ("a\nb\n{{#isSingle}}", "opened.slack.mustache, line"), ("\n{{{title}}}", "line 2: the tag {{{ is refused"),
            ("{{#isReminder}}x{{/isReminder}}", "opened.slack.mustache says nothing"),
        ] {
            try Data(text.utf8).write(to: file)
            try await World.with(settings) { world in
                let ending = try await world.run("serve")
                #expect(ending.status == 2 && ending.errors.contains(sentence), "\(ending)")
            }
        }
    }

    @Test func `the interface previews and tries other texts`() async throws {
        try await World.with { world in
            try await world.serve { program, client in
                let shown = try await client.get("/v1/templates/opened.subject/preview?language=ru&channels=1")
                #expect(shown.json["text"]?.text == "Войдите снова: North Bakery (instagram)", "\(shown)")
                let tried = try await client.post(
                    "/v1/templates/opened.text/preview", #"{"template":"{{total}} of {{provider}}","channels":7}"#)
                #expect(tried.json["text"]?.text == "7 of instagram\n", "\(tried)")
                let wrong = try await client.post(
                    "/v1/templates/opened.html/preview", #"{"template":"a\n{{{title}}}"}"#)
                #expect(wrong.status == 400 && wrong.body.contains("line 2"), "\(wrong)")
                let again = try await client.get("/v1/templates/opened.text/preview")
                #expect(again.body.contains("Re-authorize"), "a try changes nothing")
                #expect(try await client.get("/v1/templates/nothing.text/preview").status >= 400)
                #expect(try await client.with(token: nil).get("/v1/templates/opened.text/preview").status == 401)
            }
        }
    }
}
