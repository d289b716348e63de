import Domain

/// Understands one resolved entry; every field is known, typed and bounded, or the file is refused.
struct EntryReader {
    static let known: Set<String> = [
        "name", "extends", "status", "seeds", "confidence", "sources", "note", "vars", "connection_params", "endpoints",
        "authorize", "exchange", "upgrade", "credential", "refresh", "revoke", "inspect", "identify", "probe",
        "relocate",
        "response", "lifetime", "policy", "limits", "retry_after", "errors", "code_required", "examples", "hidden",
    ]
    private enum Status: String, CaseIterable { case active, deprecated }
    private enum Confidence: String, CaseIterable { case high, medium, low }

    let resolved: LayeredEntries.Resolved
    let constants: [String: String?]
    let isHidden: Bool
    /// Declared connection parameters and the two names that the account's id fills.
    let connectionNames: Set<String>

    init(_ resolved: LayeredEntries.Resolved) throws(CatalogueError) {
        self.resolved = resolved
        for (name, value) in resolved.fields where !Self.known.contains(name) {
            let hint = Spelling.hint(for: name, among: Self.known.sorted(), else: "the known ones are")
            throw value.refused("An entry has no field “\(name.prefix(60))”; \(hint)")
        }
        isHidden = try resolved.fields["hidden"]?.bool("hidden") ?? false
        var constants: [String: String?] = [:]
        for (name, value) in try resolved.fields["vars"]?.map("vars") ?? [:] {
            constants[name] = .some(value.isNull ? nil : try value.text("vars.\(name)"))
        }
        self.constants = constants
        connectionNames = Set((resolved.fields["connection_params"]?.fields ?? []).map(\.name)).union([
            "user_id", "open_id",
        ])
    }

    /// A field that is there and not null.
    subscript(_ name: String) -> CatalogueNode? {
        resolved.fields[name].flatMap { $0.isNull ? nil : $0 }
    }

    func refused(_ sentence: String) -> CatalogueError {
        CatalogueError(file: resolved.file, line: resolved.line, sentence: sentence)
    }

    func entry() throws(CatalogueError) -> ProviderEntry {
        guard let title = try self["name"]?.text("name") else {
            throw refused("The entry “\(resolved.name)” lacks “name”.")
        }
        try checkDescriptions()
        guard let credential = try self["credential"]?.choice("credential", of: CredentialKind.self) else {
            throw refused("The entry “\(resolved.name)” lacks “credential”; say “extends: oauth2” to inherit it.")
        }
        let lifetime = try lifetime()
        let (parameters, endpoints) = try parametersAndEndpoints()
        let requests = try requests(endpoints)
        guard credential == .none || requests[.refresh] != nil else {
            throw refused("The entry “\(resolved.name)” lacks “refresh”; with “credential: none” it needs none.")
        }
        return ProviderEntry(
            name: resolved.name, title: title,
            isDeprecated: try self["status"]?.choice("status", of: Status.self) == .deprecated,
            note: try self["note"]?.text("note"), sources: try self["sources"]?.texts("sources") ?? [],
            credential: credential, policy: try policy(), lifetime: lifetime, connectionParameters: parameters,
            limits: try limits(), authorization: try authorization(endpoints["authorize"]), examples: try examples(),
            requests: credential == .none ? requests.filter { $0.key != .refresh } : requests, answer: try answer(),
            inspection: try inspection(), identity: try identity(), retryAfter: try retryAfter(), rules: try rules(),
            relocation: try relocation(parameters))
    }

    /// Fields that people read: known values, and nothing this version cannot do.
    private func checkDescriptions() throws(CatalogueError) {
        _ = try self["seeds"]?.texts("seeds")
        _ = try self["confidence"]?.choice("confidence", of: Confidence.self)
        for hook in try self["code_required"]?.list("code_required") ?? [] {
            let map = try hook.map("code_required", known: ["hook", "optional", "why"])
            let name = try map["hook"]?.text("code_required.hook") ?? "?"
            _ = try map["why"]?.text("code_required.why")
            if let optional = map["optional"], try !optional.bool("code_required.optional") {
                throw hook.refused("The provider needs code (“\(name.prefix(60))”) that this version does not have.")
            }
        }
    }

    private func limits() throws(CatalogueError) -> [String: String] {
        var limits: [String: String] = [:]
        for (name, value) in try self["limits"]?.map("limits") ?? [:] {
            limits[name] = try value.text("limits.\(name)")
        }
        return limits
    }

    func template(_ node: CatalogueNode, _ what: String) throws(CatalogueError) -> Template {
        let text = try node.text(what)
        do {
            return try Template(text, constants: constants, connection: connectionNames)
        } catch {
            throw node.refused("\(what): \(error.sentence)")
        }
    }

    /// A mapping of names to templates, in the file's order; a null value leaves the name out.
    func templates(_ node: CatalogueNode?, _ what: String) throws(CatalogueError) -> [(name: String, value: Template)] {
        guard let node, !node.isNull else { return [] }
        guard let fields = node.fields else { throw node.refused("\(what) must be a mapping.") }
        var templates: [(name: String, value: Template)] = []
        for field in fields where !field.value.isNull {
            guard !field.name.isEmpty, field.name.utf8.count <= 64 else {
                throw field.value.refused("A name in \(what) is empty or longer than 64 characters.")
            }
            templates.append((field.name, try template(field.value, "\(what).\(field.name)")))
        }
        guard templates.count <= 50 else { throw node.refused("\(what) has more than 50 names.") }
        return templates
    }

    func path(_ node: CatalogueNode, _ what: String) throws(CatalogueError) -> BodyPath {
        guard let path = BodyPath(try node.text(what)) else {
            throw node.refused("\(what) must be a path such as data.error_code, at most 8 steps.")
        }
        return path
    }

    /// One path or several, tried in order; none for null.
    func paths(_ node: CatalogueNode?, _ what: String) throws(CatalogueError) -> [BodyPath] {
        guard let node, !node.isNull else { return [] }
        guard case .list(let items) = node.content else { return [try path(node, what)] }
        var paths: [BodyPath] = []
        for item in items { paths.append(try path(item, what)) }
        return paths
    }

    func duration(_ map: [String: CatalogueNode], _ name: String, _ what: String) throws(CatalogueError) -> Duration? {
        guard let node = map[name], !node.isNull else { return nil }
        return try node.duration("\(what).\(name)")
    }

    func pattern(_ node: CatalogueNode, _ what: String) throws(CatalogueError) -> Pattern {
        let text = try node.text(what)
        do {
            return try Pattern(text)
        } catch {
            throw node.refused("\(what): \(error.sentence)")
        }
    }
}
