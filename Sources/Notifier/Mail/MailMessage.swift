import Domain
import FoundationEssentials

/// One mail in text and HTML to one recipient (RFC 5322, RFC 2046).
struct MailMessage {
    var sender: MailAddress
    var recipient: MailAddress
    var subject: String
    var text: String
    var html: String
    var deliveryID: String
    /// 0: no thread.
    var rootIncident: Int64
    var date: Date
    /// Nil: no `List-Unsubscribe`.
    var muteLink: String?

    /// The whole message with CRLF line ends; the same bytes for the same values.
    var bytes: [UInt8] {
        let domain = sender.domain
        let boundary = "=_tokenward_\(deliveryID.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(40))"
        var lines = [
            "From: " + from,
            "To: <\(recipient.address)>",
            MailEncoding.header("Subject", text: subject),
            "Date: " + CivilTime(date).mailDate,
            "Message-ID: <\(deliveryID)@\(domain)>",
        ]
        if rootIncident != 0 {
            lines += [
                "In-Reply-To: <incident-\(rootIncident)@\(domain)>", "References: <incident-\(rootIncident)@\(domain)>",
            ]
        }
        if let muteLink, muteLink.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ">") }) {
            lines.append("List-Unsubscribe: <\(muteLink)>")
            // RFC 8058 asks for https; a plain link is a page for people alone.
            if muteLink.hasPrefix("https://") { lines.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click") }
        }
        lines += [
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
            "MIME-Version: 1.0",
            "Content-Type: multipart/alternative; boundary=\"\(boundary)\"",
            "",
            "--\(boundary)",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            MailEncoding.quotedPrintable(text),
            "--\(boundary)",
            "Content-Type: text/html; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            MailEncoding.quotedPrintable(html),
            "--\(boundary)--",
            "",
        ]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    private var from: String {
        guard !sender.name.isEmpty else { return "<\(sender.address)>" }
        let isAtom = sender.name.utf8.allSatisfy { byte in
            byte == 0x20 || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
        let name =
            isAtom && sender.name.utf8.count < 40 ? sender.name : MailEncoding.unstructured(sender.name, used: 6)
        return name.utf8.count + sender.address.utf8.count < 66
            ? "\(name) <\(sender.address)>" : "\(name)\r\n <\(sender.address)>"
    }
}
