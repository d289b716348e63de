import FoundationEssentials
import Synchronization

/// A message that stands in the sandbox's Slack, as it is after all changes.
package struct SlackPost: Sendable, Equatable {
    package var channel: String
    package var ts: String
    /// The message under which it stands; nil: in the channel itself.
    package var threadTS: String?
    package var text: String
    /// Of each block: header, sections and notes, without escapes.
    package var lines: [String]
    /// The buttons that are there, by `action_id`.
    package var buttons: [Button]
    /// How often it was changed.
    package var updates = 0
    /// The message's JSON as it was given last.
    package var raw: [UInt8]

    package struct Button: Sendable, Equatable {
        package var actionID: String
        package var label: String
        package var value: String
        package var blockID: String
    }
}

extension SlackPost {
    /// A message's JSON as it would stand in a channel; nil when it is none.
    package init?(reading body: [UInt8], channel: String, ts: String) {
        guard let payload = try? JSONValue(parsing: body), case .object = payload else { return nil }
        self.init(
            channel: channel, ts: ts, threadTS: payload["thread_ts"]?.string, text: payload["text"]?.string ?? "",
            lines: [], buttons: [], raw: body)
        for block in payload["blocks"]?.elements ?? [] { read(block) }
    }

    private mutating func read(_ block: JSONValue) {
        if let text = block["text"]?["text"]?.string { lines.append(SlackChannelLog.unescaped(text)) }
        for element in block["elements"]?.elements ?? [] {
            if let text = element["text"]?.string {
                lines.append(SlackChannelLog.unescaped(text))
            } else if element["type"]?.string == "button" {
                buttons.append(
                    Button(
                        actionID: element["action_id"]?.string ?? "", label: element["text"]?["text"]?.string ?? "",
                        value: element["value"]?.string ?? "", blockID: block["block_id"]?.string ?? ""))
            }
        }
    }
}

/// What the bot said in the sandbox's Slack: posts in order, changed in place.
final class SlackChannelLog: Sendable {
    static let postsMax = 1_000

    private let state = Mutex<(posts: [SlackPost], count: Int)>(([], 0))

    var posts: [SlackPost] { state.withLock { $0.posts } }

    /// - Returns: the answer's `channel` and `ts`, or Slack's word for what is wrong.
    func take(_ method: String, _ payload: JSONValue, raw: [UInt8], at time: Date) -> Result<SlackPost, SlackWord> {
        guard let channel = payload["channel"]?.string, !channel.isEmpty else { return .failure("channel_not_found") }
        let problems = SlackPayloadCheck.problems(in: payload)
        if problems.contains(where: { $0.hasPrefix("the blocks have") }) { return .failure("msg_blocks_too_long") }
        guard problems.isEmpty else { return .failure("invalid_blocks") }
        guard var post = SlackPost(reading: raw, channel: channel.hasPrefix("#") ? "C0SANDBOX" : channel, ts: "") else {
            return .failure("invalid_json")
        }
        guard !post.text.isEmpty || !post.lines.isEmpty else { return .failure("no_text") }
        return state.withLock { state in
            switch method {
            case "chat.postMessage":
                if let thread = post.threadTS,
                    !state.posts.contains(where: { $0.ts == thread && $0.channel == post.channel })
                {
                    return .failure("thread_not_found")
                }
                state.count += 1
                post.ts = "\(Int64(time.timeIntervalSince1970)).\(100_000 + state.count % 900_000)"
                if state.posts.count == Self.postsMax { state.posts.removeFirst() }
                state.posts.append(post)
                return .success(post)
            case "chat.postEphemeral":
                guard payload["user"]?.string?.isEmpty == false else { return .failure("user_not_in_channel") }
                return .success(post)
            case "chat.update":
                guard let ts = payload["ts"]?.string,
                    let index = state.posts.firstIndex(where: { $0.ts == ts && $0.channel == post.channel })
                else { return .failure("message_not_found") }
                post.ts = ts
                post.threadTS = state.posts[index].threadTS
                post.updates = state.posts[index].updates + 1
                state.posts[index] = post
                return .success(post)
            default: return .failure("unknown_method")
            }
        }
    }

    static func unescaped(_ text: String) -> String {
        text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
    }
}

/// Slack's word for why a call failed.
struct SlackWord: Error, Equatable, ExpressibleByStringLiteral {
    var word: String
    init(stringLiteral word: String) { self.word = word }
}
