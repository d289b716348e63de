import API
import ArgumentParser
import Domain
import FoundationEssentials
import Runtime

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Shows and changes the keys that stored secrets are sealed with.",
        discussion: "Example: tokenward keys status", subcommands: [KeysStatus.self, KeysRotate.self, KeysRetire.self])
}

struct KeysStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Says what is sealed with which key, and which keys this process has.",
        discussion: "Example: tokenward keys status --json")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let keys = try await common.withInstallation { try await $0.keyStatus() }
        if json { return Terminal.line(JSON.page(keys.map { .key($0) }, next: nil).pretty) }
        var rows = [["key", "here", "channels", "destinations", "since"]]
        for key in keys {
            rows.append([
                key.kid, key.seals ? "seals" : key.isInRing ? "opens" : "missing", "\(key.channels)",
                "\(key.destinations)", key.createdAt?.rfc3339 ?? "—",
            ])
        }
        Terminal.table(rows)
    }
}

struct KeysRotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Seals everything again with the first key of the ring.",
        discussion: """
            Every replica needs the new key first: add it behind the first one of TOKENWARD_KEYS and restart them, then \
            put it first and restart them, then rotate. With --new, a ring that Tokenward generated gets a new first \
            key; `serve` must not run then, and is started again afterwards.
            Example: tokenward keys rotate
            """)

    @OptionGroup var common: CommonOptions
    @Flag(help: "Put a new key first into the generated ring of the data directory.") var new = false
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        if new {
            let kid = try await common.withInstallation { try await $0.addKey() }
            if !json { Terminal.line("The new key \(kid) stands first in the ring.") }
        }
        let showsProgress = !json
        let end = try await common.withInstallation { installation in
            try await installation.reseal { count in
                if showsProgress { Terminal.progress("\(count) channels sealed again") }
            }
        }
        if showsProgress { Terminal.endProgress() }
        if json {
            Terminal.line(
                JSON.object([
                    "kid": .string(end.kid), "channels": JSON(end.channels), "destinations": JSON(end.destinations),
                    "unreadable": JSON(end.unreadable),
                ]).pretty)
        } else {
            Terminal.line(
                "\(end.channels) channels and \(end.destinations) destinations are sealed with \(end.kid) now.")
        }
        guard end.unreadable == 0 else {
            throw CommandFailure(
                sentence:
                    "\(end.unreadable) values do not open with this ring and stay as they are; `tokenward doctor` says which."
            )
        }
    }
}

struct KeysRetire: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire", abstract: "Checks that nothing needs a key any more, and forgets it.",
        discussion: "Afterwards take it out of TOKENWARD_KEYS. Example: tokenward keys retire k1")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The key's id.") var kid: String

    func run() async throws {
        let kid = kid
        do {
            try await common.withInstallation { try await $0.retireKey(kid) }
        } catch let error as KeyRetirementError {
            throw CommandFailure(sentence: "The key `\(kid)` stays. \(error)")
        }
        Terminal.line("Nothing needs the key \(kid) any more: take it out of TOKENWARD_KEYS.")
    }
}
