import FoundationEssentials
import Testing

/// aiosmtpd with STARTTLS and a login, answering as told, and its mails as Python's strict parser reads them.
struct PeerMailServer: Sendable {
    static let user = "relay@test.example"
    /// With the signs that a URL must escape.
    static let password = "p@ss:w/rd %1"
    static let escapedPassword = "p%40ss%3Aw%2Frd%20%251"

    /// What came at a DATA command, accepted or not.
    struct Try: Sendable {
        var reply: String
        var isEncrypted: Bool
        var isAuthenticated: Bool
        var recipients: [String]
    }

    struct Mail: Sendable {
        var subject: String
        var from: String
        var to: String
        var messageID: String
        /// Lower-case names.
        var headers: [String: String]
        /// By content type.
        var parts: [String: String]
    }

    let certificates: PeerCertificates
    let port: Int
    private let directory: String

    /// - Parameter replies: to the first mails; later ones are taken.
    static func with<Answer: Sendable>(
        in directory: String, replies: [String] = [], _ body: (PeerMailServer) async throws -> Answer
    ) async throws -> Answer {
        let certificates = try await PeerCertificates.make(in: directory)
        let place = directory + "/mail"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let arguments = [
            "--directory", place, "--certificate", certificates.certificate, "--key", certificates.key, "--user", user,
            "--password", password, "--replies", replies.joined(separator: ","),
        ]
        return try await Peers.serving("smtp_server.py", arguments) { port in
            try await body(PeerMailServer(certificates: certificates, port: port, directory: place))
        }
    }

    /// Settings of a world that has only this server to tell people.
    func settings(password: String = escapedPassword) -> [String: String] {
        [
            "SMTP_URL": "smtp://relay%40test.example:\(password)@localhost:\(port)",
            "SMTP_FROM": "Tokenward Wächter <wards@test.example>", "SUPERADMIN_EMAILS": "superadmin@test.example",
            "SLACK_WEBHOOK_URL": "", "WEBHOOK_URL": "", "WEBHOOK_SECRET": "",
            "TOKENWARD_CA_FILE": certificates.authority,
        ]
    }

    var tries: [Try] {
        let text = (try? String(contentsOfFile: directory + "/attempts.jsonl", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { try? Value(parsing: String($0)) }.map {
            Try(
                reply: $0["reply"]?.text ?? "", isEncrypted: $0["tls"]?.bool == true,
                isAuthenticated: $0["authenticated"]?.bool == true,
                recipients: ($0["to"]?.items ?? []).compactMap(\.text))
        }
    }

    /// How many were accepted.
    var accepted: Int { files.count }

    private var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).filter { $0.hasSuffix(".eml") }
            .sorted()
    }

    /// The accepted mails, in order.
    ///
    /// - Throws: when one of them is not well formed.
    func mails() async throws -> [Mail] {
        let text = try await Peers.run("parse_mail.py", files.map { "\(directory)/\($0)" })
        return try Value(parsing: text).items.map { mail in
            let headers = (mail["headers"]?.items ?? []).map { ($0[0]?.text?.lowercased() ?? "", $0[1]?.text ?? "") }
            let parts = (mail["parts"]?.items ?? []).map { ($0["type"]?.text ?? "", $0["text"]?.text ?? "") }
            return Mail(
                subject: mail["subject"]?.text ?? "", from: mail["from"]?.text ?? "", to: mail["to"]?.text ?? "",
                messageID: mail["messageID"]?.text ?? "", headers: Dictionary(headers) { first, _ in first },
                parts: Dictionary(parts) { first, _ in first })
        }
    }
}
