/// The providers this process knows: the embedded ones with the operator's files laid over them.
package struct Catalogue: Sendable {
    let layers: LayeredEntries
    private let entries: [String: ProviderEntry]
    /// SHA-256 over all entries as resolved, in hex.
    package let revision: String

    /// The catalogue that is compiled in.
    package static func embedded() throws(CatalogueError) -> Catalogue {
        var layers = LayeredEntries()
        for (name, bytes) in EmbeddedCatalogue.files {
            try layers.add(try CatalogueFile(name: name, bytes: bytes))
        }
        return try Catalogue(layers)
    }

    private init(_ layers: LayeredEntries) throws(CatalogueError) {
        self.layers = layers
        var entries: [String: ProviderEntry] = [:]
        for name in layers.layers.keys.sorted() {
            let reader = try EntryReader(try layers.resolved(name))
            let entry = try reader.entry()
            if !reader.isHidden { entries[name] = entry }
        }
        self.entries = entries
        revision = try layers.revision()
    }

    /// This catalogue with the files at a path, a file or a directory of `.yaml`, laid over it.
    package func overlaid(with path: String) throws(CatalogueError) -> Catalogue {
        try overlaid(with: try CatalogueFile.files(at: path))
    }

    package func overlaid(with files: [CatalogueFile]) throws(CatalogueError) -> Catalogue {
        var layers = layers
        for file in files { try layers.add(file) }
        return try Catalogue(layers)
    }

    package subscript(name: String) -> ProviderEntry? { entries[name] }

    /// All names, sorted.
    package var names: [String] { entries.keys.sorted() }
}
