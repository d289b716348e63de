import Domain

/// What a person who wrote catalogue files should know about them.
package struct CatalogueCheck: Sendable {
    /// Why the files would be refused: the first mistake of each entry.
    package fileprivate(set) var mistakes: [CatalogueError] = []
    /// Examples that are not classified as they say.
    package fileprivate(set) var failingExamples: [CatalogueError] = []
    /// What is accepted, but hardly meant so.
    package fileprivate(set) var notes: [CatalogueError] = []
    /// Names of new entries, sorted.
    package fileprivate(set) var added: [String] = []
    /// Names of known entries that the files are laid over, sorted.
    package fileprivate(set) var overlaid: [String] = []
}

extension Catalogue {
    /// Reads the files as `overlaid(with:)` does, and goes on after a mistake to find the others.
    package func check(_ files: [CatalogueFile]) -> CatalogueCheck {
        var check = CatalogueCheck()
        var layers = layers
        for file in files {
            do {
                try layers.add(file)
            } catch {
                check.mistakes.append(error)
            }
        }
        // A file that could not be read leaves entries without what they extend.
        guard check.mistakes.isEmpty else { return check }
        let fileNames = Set(files.map(\.name))
        for name in layers.layers.keys.sorted() {
            let own = (layers.layers[name] ?? []).filter { fileNames.contains($0.file) }
            if !own.isEmpty {
                if self.layers.layers[name] == nil { check.added.append(name) } else { check.overlaid.append(name) }
            }
            do {
                let reader = try EntryReader(try layers.resolved(name))
                check.note(try reader.entry(), declaredIn: own, files: fileNames, isHidden: reader.isHidden)
            } catch {
                // What an entry inherits is told once.
                if !check.mistakes.contains(error) { check.mistakes.append(error) }
            }
        }
        return check
    }
}

extension CatalogueCheck {
    fileprivate mutating func note(
        _ entry: ProviderEntry, declaredIn own: [LayeredEntries.Layer], files: Set<String>, isHidden: Bool
    ) {
        for failing in entry.failingExamples() where !failingExamples.contains(failing) {
            failingExamples.append(failing)
        }
        for rule in entry.rules where files.contains(rule.place.file) && rule.answerClass == .reauth && !rule.isNamed {
            add(
                rule.place.says(
                    "The rule “\(rule.reason)” matches without naming anything in the body, so it is read as unknown: no status alone asks anyone to authorize again. Name a value under when.body."
                ))
        }
        guard let layer = own.last, !isHidden else { return }
        let place = CataloguePlace(file: layer.file, line: layer.line)
        if let policy = own.compactMap({ $0.value(of: "policy") }).last,
            let catchAll = policy.fields?.first(where: { $0.name == "unmatched_4xx" }),
            case .scalar("reauth", _) = catchAll.value.content
        {
            add(
                CatalogueError(
                    file: policy.file, line: catchAll.line,
                    sentence: "“unmatched_4xx: reauth” is read as unknown: what no rule names is never a verdict."))
        }
        if !own.contains(where: { $0.value(of: "examples") != nil }) {
            add(
                place.says(
                    "“\(entry.name)” has no examples of its own; add the provider's answers, a dead grant's before all, so that they are tested."
                ))
        }
        if entry.policy.requireNewRefreshToken, entry.policy.rotation == .never {
            add(place.says("“\(entry.name)” requires a new refresh token although its rotation is never."))
        }
    }

    private mutating func add(_ note: CatalogueError) {
        if !notes.contains(note) { notes.append(note) }
    }
}

extension LayeredEntries.Layer {
    fileprivate func value(of name: String) -> CatalogueNode? { fields.first { $0.name == name }?.value }
}
