import FoundationEssentials
import Subprocess

/// A JSON value of any shape, to look into answers by name.
enum Value: Decodable, Equatable, Sendable {
    case null, bool(Bool), number(Double), string(String), array([Value]), object([String: Value])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([Value].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: Value].self))
        }
    }

    /// - Throws: when the text is not JSON.
    init(parsing text: String) throws {
        self = try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }

    /// Nil when this is no object or has no such member.
    subscript(name: String) -> Value? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }

    subscript(index: Int) -> Value? {
        guard case .array(let items) = self, items.indices.contains(index) else { return nil }
        return items[index]
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var number: Double? { if case .number(let number) = self { number } else { nil } }
    var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    var items: [Value] { if case .array(let items) = self { items } else { [] } }
}

/// An answer of the HTTP interface.
struct Reply: Sendable, CustomStringConvertible {
    var status: Int
    /// By lower-case name.
    var headers: [String: String]
    var body: String

    var description: String { "\(status) \(headers)\n\(body)" }

    /// The body as JSON; null when it is none.
    var json: Value { (try? Value(parsing: body)) ?? .null }
}

/// Requests to one running service, with one bearer token.
struct Client: Sendable {
    let address: String
    var token: String?

    struct NoReply: Error, CustomStringConvertible { var description: String }

    func with(token: String?) -> Client { Client(address: address, token: token) }

    func get(_ path: String, headers: [String: String] = [:]) async throws -> Reply {
        try await send("GET", path, headers: headers)
    }

    func post(_ path: String, _ body: String = "", headers: [String: String] = [:]) async throws -> Reply {
        try await send("POST", path, body, headers: headers)
    }

    /// One request on a connection of its own.
    ///
    /// - Throws: ``NoReply`` when no answer came within 60 s.
    func send(
        _ method: String, _ path: String, _ body: String = "", headers: [String: String] = [:]
    ) async throws -> Reply {
        var lines = ["Expect": "", "Content-Type": body.isEmpty ? "" : "application/json"]
        if let token { lines["Authorization"] = "Bearer \(token)" }
        lines.merge(headers) { _, new in new }
        // Headers go with the body through standard input: no token stands in the list of processes.
        var config = lines.map { "header = \"\($0.key):\($0.value.isEmpty ? "" : " " + Self.escaped($0.value))\"" }
        // Lines of curl's configuration are short.
        let file = body.utf8.count > 60_000 ? "/tmp/tokenward-e2e-body-\(UUID().uuidString)" : nil
        defer { if let file { try? FileManager.default.removeItem(atPath: file) } }
        if let file {
            try Data(body.utf8).write(to: URL(filePath: file))
            config.append("data-binary = \"@\(file)\"")
        } else if !body.isEmpty {
            config.append("data-binary = \"\(Self.escaped(body))\"")
        }
        let shape = method == "HEAD" ? ["--head"] : ["--include", "--request", method]
        let result = try await Subprocess.run(
            .name("curl"),
            arguments: Arguments(
                ["--silent", "--show-error", "--noproxy", "*", "--max-time", "60", "--path-as-is", "--config", "-"]
                    + shape + ["http://\(address)\(path)"]),
            input: .string(config.joined(separator: "\n") + "\n", using: UTF8.self), output: .string(limit: 32 << 20),
            error: .string(limit: 1 << 16))
        guard result.terminationStatus.isSuccess, let reply = Self.reply(result.standardOutput) else {
            throw NoReply(description: "\(method) \(path): \(result.standardError)")
        }
        return reply
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            .replacing("\r", with: "\\r").replacing("\t", with: "\\t")
    }

    private static func reply(_ text: String) -> Reply? {
        guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        return Reply(status: status, headers: headers, body: String(text[end.upperBound...]))
    }
}
