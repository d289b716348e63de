/// Swift source with its comments and the contents of its string literals taken out; the lines stay.
enum SwiftText {
    static func code(of source: String) -> String {
        var scanner = Scanner(text: Array(source.utf8))
        return scanner.run()
    }

    private struct Scanner {
        let text: [UInt8]
        var at = 0
        var output: [UInt8] = []

        private static let line = Array("//".utf8)
        private static let open = Array("/*".utf8)
        private static let close = Array("*/".utf8)
        private static let quotes = Array("\"\"\"".utf8)

        init(text: [UInt8]) { self.text = text }

        mutating func run() -> String {
            while at < text.count {
                switch text[at] {
                case UInt8(ascii: "/") where starts(Scanner.line):
                    while at < text.count, text[at] != UInt8(ascii: "\n") { at += 1 }
                case UInt8(ascii: "/") where starts(Scanner.open):
                    skipBlockComment()
                case UInt8(ascii: "\""), UInt8(ascii: "#"):
                    if let hashes = openingHashes() {
                        output += Array("\"\"".utf8)
                        skipString(hashes: hashes)
                    } else {
                        output.append(text[at])
                        at += 1
                    }
                default:
                    output.append(text[at])
                    at += 1
                }
            }
            return String(decoding: output, as: UTF8.self)
        }

        private func starts(_ prefix: [UInt8]) -> Bool {
            guard at + prefix.count <= text.count, text[at] == prefix[0] else { return false }
            return prefix.indices.allSatisfy { text[at + $0] == prefix[$0] }
        }

        private mutating func skipBlockComment() {
            var depth = 0
            repeat {
                if starts(Scanner.open) {
                    depth += 1
                    at += 2
                } else if starts(Scanner.close) {
                    depth -= 1
                    at += 2
                } else {
                    keepLineEnd()
                }
            } while depth > 0 && at < text.count
        }

        /// The number of `#` before a quotation mark that begins a string here; nil when none does.
        private func openingHashes() -> Int? {
            var end = at
            while end < text.count, text[end] == UInt8(ascii: "#") { end += 1 }
            return end < text.count && text[end] == UInt8(ascii: "\"") ? end - at : nil
        }

        private mutating func skipString(hashes: Int) {
            at += hashes
            let quotes = starts(Scanner.quotes) ? 3 : 1
            at += quotes
            let end =
                Array(repeating: UInt8(ascii: "\""), count: quotes) + Array(repeating: UInt8(ascii: "#"), count: hashes)
            let escape = [UInt8(ascii: "\\")] + Array(repeating: UInt8(ascii: "#"), count: hashes)
            while at < text.count {
                if starts(end) {
                    at += end.count
                    return
                }
                if starts(escape) {
                    at += escape.count
                    if at < text.count, text[at] == UInt8(ascii: "(") { skipInterpolation() } else { at += 1 }
                } else {
                    keepLineEnd()
                }
            }
        }

        private mutating func skipInterpolation() {
            var depth = 0
            repeat {
                if let hashes = openingHashes() {
                    skipString(hashes: hashes)
                    continue
                }
                if text[at] == UInt8(ascii: "(") { depth += 1 }
                if text[at] == UInt8(ascii: ")") { depth -= 1 }
                keepLineEnd()
            } while depth > 0 && at < text.count
        }

        /// Steps over one byte, which stays in the output when it ends a line.
        private mutating func keepLineEnd() {
            if text[at] == UInt8(ascii: "\n") { output.append(text[at]) }
            at += 1
        }
    }
}
