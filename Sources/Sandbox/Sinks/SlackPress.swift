import Crypto
package import Domain
package import FoundationEssentials

/// The request that Slack sends when somebody presses a button, signed as Slack signs it.
package struct SlackPress: Sendable {
    /// `application/x-www-form-urlencoded`.
    package var body: String
    package var timestamp: String
    package var signature: String

    package var headers: [String: String] {
        [
            "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature,
        ]
    }

    /// - Parameters:
    ///   - actionID: of a button of the post.
    ///   - secret: the app's signing secret; a wrong one makes a forgery.
    package init?(
        _ actionID: String, of post: SlackPost, user: String = "U0ANN", name: String = "ann", secret: Secret,
        at now: Date = Date()
    ) {
        guard let button = post.buttons.first(where: { $0.actionID == actionID }),
            var message = try? JSONValue(parsing: post.raw)
        else { return nil }
        message = message.removing("channel").setting("ts", to: .string(post.ts))
        let payload: JSONValue = [
            "type": "block_actions", "user": ["id": .string(user), "username": .string(name), "name": .string(name)],
            "container": ["type": "message", "message_ts": .string(post.ts), "channel_id": .string(post.channel)],
            "channel": ["id": .string(post.channel), "name": "alerts"], "message": message,
            "response_url": "https://hooks.slack.example/actions/T0/1/x",
            "actions": [
                [
                    "type": "button", "action_id": .string(actionID), "block_id": .string(button.blockID),
                    "value": .string(button.value), "action_ts": "1.0",
                ]
            ],
        ]
        body = "payload=" + Self.formEncoded(Array(payload.text.utf8))
        timestamp = "\(Int64(now.timeIntervalSince1970))"
        signature = Self.signature(of: body, timestamp: timestamp, secret: secret)
    }

    /// `v0=` and the hexadecimal HMAC-SHA256 over `v0:timestamp:body`.
    package static func signature(of body: String, timestamp: String, secret: Secret) -> String {
        let key = SymmetricKey(data: Array(secret.reveal().utf8))
        let code = HMAC<SHA256>.authenticationCode(for: Array("v0:\(timestamp):\(body)".utf8), using: key)
        return "v0="
            + code.map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
    }

    private static func formEncoded(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            case 0x20: text += "+"
            default: text += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }
}
