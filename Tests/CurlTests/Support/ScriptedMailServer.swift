/// What an SMTP server of the tests says at each step; it closes where a reply is nil.
struct MailScript: Sendable {
    var greeting: String? = "220 test"
    var hello: String? = "250-test\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1000000"
    var oldHello: String? = "250 test"
    var authentication: String? = "235 welcome"
    var sender: String? = "250 sender"
    var recipient: String? = "250 recipient"
    var data: String? = "354 go on"
    var message: String? = "250 queued"
    /// Instead of the reply to the message: nothing, until the client leaves.
    var isSilentAfterMessage = false
}

extension MailScript {
    /// Plays the script on one connection; `seen` gets every command and, as one item, the message as it was on the wire.
    func play(_ wire: sending Wire, _ seen: Sightings<String>) async throws {
        func say(_ reply: String?) async throws -> Bool {
            guard let reply else { return false }
            try await wire.write(reply + "\r\n")
            return true
        }
        guard try await say(greeting) else { return }
        while let line = try await wire.line() {
            seen.add(line)
            if line.hasPrefix("AUTH ") {
                try await wire.write("334 \r\n")
                seen.add(try await wire.line() ?? "")
            }
            let reply: String? =
                switch line.prefix(4).uppercased() {
                case "EHLO": hello
                case "HELO": oldHello
                case "AUTH": authentication
                case "MAIL": sender
                case "RCPT": recipient
                case "DATA": data
                case "QUIT": "221 bye"
                default: "500 what"
                }
            guard try await say(reply) else { return }
            if line.uppercased() == "DATA", reply?.hasPrefix("354") == true {
                var lines: [String] = []
                while let line = try await wire.line(), line != "." { lines.append(line) }
                seen.add(lines.joined(separator: "\n"))
                if isSilentAfterMessage {
                    _ = try await wire.readToEnd()
                    return
                }
                guard try await say(message) else { return }
            }
        }
    }
}
