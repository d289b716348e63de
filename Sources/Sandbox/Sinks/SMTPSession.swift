import Domain
import FoundationEssentials

/// One SMTP dialogue (RFC 5321): EHLO, AUTH, MAIL, RCPT, DATA, RSET, NOOP, QUIT.
struct SMTPSession {
    static let lineBytesMax = 4 << 10
    static let mailBytesMax = 10 << 20
    static let recipientsMax = 100

    let connection: WireConnection
    let sink: MailSink
    private var isLoggedIn = false
    private var sender: String?
    private var recipients: [String] = []

    init(connection: WireConnection, sink: MailSink) {
        self.connection = connection
        self.sink = sink
    }

    mutating func serve() async throws {
        if let refusal = sink.refusal(at: .greeting) {
            try await reply(refusal)
            return
        }
        try await reply(220, "sandbox ESMTP")
        while let line = try await line() {
            let words = line.split(separator: " ", maxSplits: 1)
            let rest = words.count > 1 ? String(words[1]) : ""
            switch words.first?.uppercased() {
            case "EHLO": try await greet()
            case "HELO": try await reply(250, "sandbox")
            case "AUTH": try await authenticate(rest)
            case "MAIL": try await mail(rest)
            case "RCPT": try await recipient(rest)
            case "DATA": try await data()
            case "RSET":
                reset()
                try await reply(250, "OK")
            case "NOOP": try await reply(250, "OK")
            case "QUIT":
                try await reply(221, "Bye")
                return
            case "STARTTLS": try await reply(454, "TLS not available")
            default: try await reply(502, "Command not implemented")
            }
        }
    }

    private func greet() async throws {
        let lines = ["sandbox", "SIZE \(Self.mailBytesMax)", "8BITMIME", "AUTH PLAIN LOGIN"]
        let shown = sink.demandsLogin ? lines : lines.dropLast()
        for (index, line) in shown.enumerated() {
            try await connection.write("250\(index == shown.count - 1 ? " " : "-")\(line)\r\n".utf8)
        }
    }

    private mutating func authenticate(_ arguments: String) async throws {
        let words = arguments.split(separator: " ").map(String.init)
        var given: (user: String, password: String)?
        switch words.first?.uppercased() {
        case "PLAIN":
            let response = words.count > 1 ? words[1] : try await ask("")
            let parts = Self.decoded(response).split(separator: "\0", omittingEmptySubsequences: false)
            if parts.count == 3 { given = (String(parts[1]), String(parts[2])) }
        case "LOGIN":
            let user = words.count > 1 ? words[1] : try await ask("VXNlcm5hbWU6")
            let password = try await ask("UGFzc3dvcmQ6")
            given = (Self.decoded(user), Self.decoded(password))
        default:
            try await reply(504, "Unrecognized authentication type")
            return
        }
        isLoggedIn = given.map { sink.admits(user: $0.user, password: $0.password) } ?? false
        try await isLoggedIn
            ? reply(235, "Authentication successful") : reply(535, "5.7.8 Authentication credentials invalid")
    }

    private func ask(_ challenge: String) async throws -> String {
        try await connection.write("334 \(challenge)\r\n".utf8)
        return try await line() ?? ""
    }

    private mutating func mail(_ arguments: String) async throws {
        guard isLoggedIn || !sink.demandsLogin else { return try await reply(530, "5.7.0 Authentication required") }
        if let refusal = sink.refusal(at: .mailFrom) { return try await reply(refusal) }
        guard let address = Self.address(arguments, after: "FROM:") else {
            return try await reply(501, "Syntax: MAIL FROM:<address>")
        }
        reset()
        sender = address
        try await reply(250, "OK")
    }

    private mutating func recipient(_ arguments: String) async throws {
        guard sender != nil else { return try await reply(503, "MAIL first") }
        if let refusal = sink.refusal(at: .recipient) { return try await reply(refusal) }
        guard let address = Self.address(arguments, after: "TO:"), !address.isEmpty else {
            return try await reply(501, "Syntax: RCPT TO:<address>")
        }
        guard recipients.count < Self.recipientsMax else { return try await reply(452, "Too many recipients") }
        recipients.append(address)
        try await reply(250, "OK")
    }

    private mutating func data() async throws {
        guard !recipients.isEmpty else { return try await reply(503, "RCPT first") }
        try await reply(354, "End data with <CR><LF>.<CR><LF>")
        var mail: [UInt8] = []
        var isTooLong = false
        while true {
            guard let line = try await connection.line(bytesMax: Self.mailBytesMax) else { return }
            if line == [UInt8(ascii: ".")] { break }
            isTooLong = isTooLong || mail.count + line.count > Self.mailBytesMax
            guard !isTooLong else { continue }
            // RFC 5321 §4.5.2: a leading dot was doubled by the sender.
            mail += line.first == UInt8(ascii: ".") ? line.dropFirst() : line[...]
            mail += [13, 10]
        }
        defer { reset() }
        guard !isTooLong else { return try await reply(552, "Message too large") }
        if let refusal = sink.refusal(at: .message) { return try await reply(refusal) }
        sink.record(mail, recipients: recipients)
        try await reply(250, "OK: queued")
    }

    private mutating func reset() {
        sender = nil
        recipients = []
    }

    private func line() async throws -> String? {
        try await connection.line(bytesMax: Self.lineBytesMax).map { String(decoding: $0, as: UTF8.self) }
    }

    private func reply(_ code: Int, _ text: String) async throws {
        try await connection.write("\(code) \(text)\r\n".utf8)
    }

    private func reply(_ refusal: SinkRefusal) async throws {
        try await reply(refusal.status, refusal.body.isEmpty ? "Refused by the sandbox" : refusal.body)
    }

    private static func address(_ arguments: String, after prefix: String) -> String? {
        guard arguments.uppercased().hasPrefix(prefix) else { return nil }
        let rest = trimmed(arguments.dropFirst(prefix.count))
        guard rest.hasPrefix("<"), let end = rest.firstIndex(of: ">") else { return nil }
        return String(rest[rest.index(after: rest.startIndex)..<end])
    }

    private static func decoded(_ base64: String) -> String {
        Data(base64Encoded: base64).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
