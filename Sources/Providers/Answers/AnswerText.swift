import Domain

/// Makes text of a provider fit to be shown: short, on one line, without the request's secrets or anything like one.
struct AnswerText {
    static let messageMax = 300
    static let quoteMax = 200

    /// Secrets of the request, as texts.
    let presented: [String]

    /// Where providers put a sentence for people, best first.
    private static let sentences = [
        "error_description", "error.message", "data.description", "hint", "detail", "message", "description",
        "error_message", "title", "error",
    ].compactMap { BodyPath($0) }

    private static let requestIDs = [
        "log_id", "data.log_id", "error.fbtrace_id", "error.log_id", "request_id", "requestId", "trace_id",
    ].compactMap { BodyPath($0) }

    private static let requestIDHeaders: Set<String> = [
        "x-request-id", "x-fb-trace-id", "x-fb-request-id", "x-tt-logid", "x-amzn-requestid", "intuit_tid",
        "request-id",
    ]

    func message(of entry: ProviderEntry, status: Int, reason: String, body: JSONValue) -> String {
        var message = "\(entry.title) answered HTTP \(status) (\(reason))"
        let quote = Self.sentences.lazy.compactMap { $0.value(in: body)?.token }.map(clean).first { !$0.isEmpty }
        if let quote { message += ": \(quote)" }
        return String(message.prefix(Self.messageMax))
    }

    /// At most 80 letters, digits and `-._:=`; nil for anything else and for what is part of a secret.
    func requestID(headers: [HeaderField], body: JSONValue) -> String? {
        let inBody = Self.requestIDs.lazy.compactMap { $0.value(in: body)?.token }
        let inHeaders = headers.lazy.filter { Self.requestIDHeaders.contains($0.name.lowercased()) }.map(\.value)
        return (Array(inBody) + Array(inHeaders)).first { text in
            (1...80).contains(text.utf8.count)
                && text.utf8.allSatisfy {
                    (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0)
                        || "-._:=".utf8.contains($0)
                }
                && !isSecret(text)
        }
    }

    /// One line of at most 200 characters.
    func clean(_ text: String) -> String {
        var words: [String] = []
        var word = String.UnicodeScalarView()
        // A secret cut at the end could no longer be recognised, so the cut comes after the words are judged.
        for scalar in text.unicodeScalars.prefix(4096) {
            if Self.isBreak(scalar) {
                if !word.isEmpty { words.append(String(word)) }
                word = String.UnicodeScalarView()
            } else if !Self.isInvisible(scalar) {
                word.append(scalar)
            }
        }
        if !word.isEmpty, text.unicodeScalars.count <= 4096 { words.append(String(word)) }
        let line = words.map(scrubbed).joined(separator: " ")
        return line.count <= Self.quoteMax ? line : line.prefix(Self.quoteMax - 1) + "…"
    }

    private func scrubbed(_ word: String) -> String {
        var out = ""
        var run = ""
        func flush() {
            out += isTokenLike(run) || isSecret(run) ? "…" : run
            run = ""
        }
        for character in word {
            if Self.isTokenCharacter(character) {
                run.append(character)
            } else {
                flush()
                out.append(character)
            }
        }
        flush()
        return out
    }

    /// Part of a secret from eight characters on, or holding a whole one.
    private func isSecret(_ run: String) -> Bool {
        guard run.utf8.count >= 4 else { return presented.contains(run) }
        return presented.contains { secret in
            !secret.isEmpty
                && (run.contains(secret) || secret == run || (run.utf8.count >= 8 && secret.contains(run))
                    || Self.pieces(of: secret).contains { run.contains($0) })
        }
    }

    /// The beginning and the end of a secret, which some providers quote.
    private static func pieces(of secret: String) -> [String] {
        secret.count >= 16 ? [String(secret.prefix(12)), String(secret.suffix(12))] : []
    }

    private func isTokenLike(_ run: String) -> Bool {
        run.utf8.count >= 24 && run.utf8.contains { (48...57).contains($0) }
            && run.utf8.contains { (97...122).contains($0) || (65...90).contains($0) }
            && !run.hasPrefix("//")
    }

    private static func isTokenCharacter(_ character: Character) -> Bool {
        guard let byte = character.asciiValue else { return false }
        return (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
            || "-._~+/=|%!".utf8.contains(byte)
    }

    private static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar.properties.generalCategory == .control
    }

    /// Direction marks, zero-width characters and other formats that make a text look like another.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .format, .privateUse, .surrogate, .unassigned: true
        default: false
        }
    }
}
