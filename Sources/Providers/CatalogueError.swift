/// Why a catalogue file is refused: where, and one sentence that says what is wrong and how to mend it.
package struct CatalogueError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file as it was named.
    package let file: String
    /// 1 is the first line; nil when the file as a whole is meant.
    package let line: Int?
    package let sentence: String

    package init(file: String, line: Int?, sentence: String) {
        self.file = file
        self.line = line
        self.sentence = sentence
    }

    package var description: String {
        line.map { "\(file):\($0): \(sentence)" } ?? "\(file): \(sentence)"
    }
}

/// Where something stands in a catalogue file.
struct CataloguePlace: Sendable {
    let file: String
    let line: Int

    func says(_ sentence: String) -> CatalogueError {
        CatalogueError(file: file, line: line, sentence: sentence)
    }
}
