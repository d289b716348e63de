extension EntryReader {
    private static let endpointNames: Set<String> = [
        "authorize", "token", "upgrade", "refresh", "revoke", "inspect", "identify", "probe", "relocate",
    ]

    /// The endpoints that have a value, and the connection parameters, which know whether they reach into a host.
    func parametersAndEndpoints() throws(CatalogueError) -> ([ConnectionParameter], [String: Endpoint]) {
        var declared: [ConnectionParameter] = []
        for field in self["connection_params"]?.fields ?? [] { declared.append(try parameter(field)) }
        guard self["connection_params"] == nil || self["connection_params"]?.fields != nil else {
            throw refused("“connection_params” must be a mapping.")
        }
        var endpoints: [String: Endpoint] = [:]
        for (name, node) in try self["endpoints"]?.map("endpoints", known: Self.endpointNames) ?? [:] {
            if let endpoint = try endpoint(named: name, node, declared) { endpoints[name] = endpoint }
        }
        var used: [String: Endpoint.Reach] = [:]
        for endpoint in endpoints.values { used.merge(endpoint.hostParameters) { first, _ in first } }
        let inTemplates = Set(endpoints.values.flatMap(\.template.connectionParameters))
        let parameters = declared.map { parameter in
            // Nobody needs an operator's URL any more once an entry replaced the endpoint that asked for it.
            let isRequired =
                parameter.isRequired && (parameter.source != .operator || inTemplates.contains(parameter.name))
            return ConnectionParameter(
                name: parameter.name, isRequired: isRequired, source: parameter.source,
                defaultValue: parameter.defaultValue, values: parameter.values, isSecret: parameter.isSecret,
                reach: used[parameter.name],
                pattern: parameter.pattern, patternText: parameter.patternText, suffix: parameter.suffix)
        }
        for parameter in parameters {
            for value in parameter.values + [parameter.defaultValue].compactMap(\.self) {
                guard let problem = parameter.problem(with: value) else { continue }
                throw refused(
                    "The value “\(value.prefix(60))” of the connection parameter “\(parameter.name)” \(problem).")
            }
        }
        return (parameters, endpoints)
    }

    private func endpoint(
        named name: String, _ node: CatalogueNode, _ parameters: [ConnectionParameter]
    ) throws(CatalogueError) -> Endpoint? {
        guard !node.isNull else { return nil }
        // An inherited endpoint may name a parameter that this entry took away with its own “connection_params”.
        let text = try node.text("endpoints.\(name)")
        if !resolved.ownEndpoints.contains(name),
            let template = try? Template(text, constants: constants, connection: nil),
            !template.connectionParameters.isSubset(of: connectionNames)
        {
            return nil
        }
        let template = try template(node, "endpoints.\(name)")
        guard !template.isVoid else { return nil }
        do {
            return try Endpoint(template, parameters: parameters)
        } catch {
            throw node.refused("endpoints.\(name): \(error.sentence)")
        }
    }

    private func parameter(_ field: CatalogueNode.Field) throws(CatalogueError) -> ConnectionParameter {
        let what = "connection_params.\(field.name)"
        let map = try field.value.map(
            what, known: ["required", "pattern", "source", "default", "secret", "values", "suffix"])
        guard
            LayeredEntries.isName(
                field.name.split(separator: "_", omittingEmptySubsequences: false).joined(separator: "-"))
        else {
            throw field.value.refused("A connection parameter's name is lower case letters, digits and underscores.")
        }
        var source = ConnectionParameter.Source.user
        if let node = map["source"] {
            guard let known = ConnectionParameter.Source(try node.text("\(what).source")) else {
                throw node.refused(
                    "\(what).source must be operator, user, metadata, callback.… or token_response.….")
            }
            source = known
        }
        let pattern = map["pattern"].flatMap { $0.isNull ? nil : $0 }
        return ConnectionParameter(
            name: field.name, isRequired: try map["required"]?.bool("\(what).required") ?? false, source: source,
            defaultValue: try map["default"].flatMap { $0.isNull ? nil : $0 }?.text("\(what).default"),
            values: try map["values"]?.texts("\(what).values") ?? [],
            isSecret: try map["secret"]?.bool("\(what).secret") ?? false, reach: nil,
            pattern: try pattern.map { node throws(CatalogueError) in try self.pattern(node, "\(what).pattern") },
            patternText: try pattern?.text("\(what).pattern"),
            suffix: try map["suffix"].map { node throws(CatalogueError) in try constant(node, "\(what).suffix") } ?? "")
    }

    /// The requests that have both a description and an endpoint.
    func requests(_ endpoints: [String: Endpoint]) throws(CatalogueError) -> [RequestKind: RequestRules] {
        var requests: [RequestKind: RequestRules] = [:]
        for kind in RequestKind.allCases {
            guard let node = self[kind.rawValue] else { continue }
            let endpoint: Endpoint? =
                switch kind {
                case .exchange: endpoints["token"]
                case .upgrade: endpoints["upgrade"] ?? endpoints["token"]
                case .refresh: endpoints["refresh"] ?? endpoints["token"]
                case .revoke: endpoints["revoke"]
                case .inspect: endpoints["inspect"]
                case .relocate: endpoints["relocate"]
                case .identify: endpoints["identify"]
                case .probe: endpoints["probe"]
                }
            if let rules = try request(kind, node, endpoint) {
                requests[kind] = rules
            } else if kind == .refresh {
                throw node.refused("“\(kind.rawValue)” has no endpoint; set endpoints.token or endpoints.refresh.")
            }
        }
        return requests
    }

    private func request(
        _ kind: RequestKind, _ node: CatalogueNode, _ endpoint: Endpoint?
    ) throws(CatalogueError) -> RequestRules? {
        let what = kind.rawValue
        let map = try node.map(
            what,
            known: [
                "method", "url", "encoding", "client_auth", "headers", "params", "response", "note", "basic_user",
                "basic_password", "ends",
            ])
        guard let method = map["method"], let encoding = map["encoding"], let authentication = map["client_auth"] else {
            throw node.refused("“\(what)” needs method, encoding and client_auth.")
        }
        guard kind == .revoke || map["ends"] == nil else {
            throw node.refused("“ends” says what a revocation ends; “\(what)” has none.")
        }
        var endpoint = endpoint
        if let url = map["url"], !url.isNull {
            do {
                endpoint = try Endpoint(try template(url, "\(what).url"), parameters: try parametersAndEndpoints().0)
            } catch let fault as Template.Fault {
                throw url.refused("\(what).url: \(fault.sentence)")
            } catch let error as CatalogueError {
                throw error
            } catch {
                throw url.refused("\(what).url cannot be read.")
            }
        }
        let rules = (
            method: try method.choice("\(what).method", of: RequestRules.Method.self),
            encoding: try encoding.choice("\(what).encoding", of: RequestRules.Encoding.self),
            authentication: try authentication.choice(
                "\(what).client_auth", of: RequestRules.ClientAuthentication.self),
            headers: try templates(map["headers"], "\(what).headers"),
            parameters: try templates(map["params"], "\(what).params")
        )
        guard rules.method != .get || rules.encoding == .query else {
            throw encoding.refused("\(what): GET sends its parameters in the URL; use “encoding: query”.")
        }
        for header in rules.headers where !Self.isHeaderName(header.name) {
            throw node.refused("\(what).headers: “\(header.name.prefix(60))” is not a header's name.")
        }
        let user = try template(map["basic_user"] ?? text("{client_id}", at: node), "\(what).basic_user")
        let password = try template(
            map["basic_password"] ?? text("{client_secret}", at: node), "\(what).basic_password")
        guard let endpoint else { return nil }
        let templates = (rules.headers + rules.parameters).map(\.value)
        return RequestRules(
            method: rules.method, encoding: rules.encoding, clientAuthentication: rules.authentication,
            basicUser: user, basicPassword: password, endpoint: endpoint, headers: rules.headers,
            parameters: rules.parameters,
            // What nobody vouches for may reach other channels.
            ends: try map["ends"]?.choice("\(what).ends", of: RevocationReach.self) ?? .consent,
            presentsApp: rules.authentication == .basic
                || templates.contains { $0.variables.contains(.named("client_secret")) })
    }

    /// A default written where the file leaves a field out.
    private func text(_ text: String, at node: CatalogueNode) -> CatalogueNode {
        CatalogueNode(content: .scalar(text, isPlain: false), file: node.file, line: node.line)
    }

    /// RFC 9110 token; the lengths and framing are the transport's.
    private static func isHeaderName(_ name: String) -> Bool {
        let reserved = ["host", "content-length", "transfer-encoding", "connection", "content-type", "expect"]
        return !reserved.contains(name.lowercased())
            && name.utf8.allSatisfy {
                (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95
            }
    }

    func authorization(_ endpoint: Endpoint?) throws(CatalogueError) -> AuthorizationRules {
        let map =
            try self["authorize"]?.map(
                "authorize",
                known: [
                    "client_id_param", "client_id_value", "send_redirect_uri", "send_scope", "scope_separator", "pkce",
                    "params", "default_scopes", "issuer",
                ]) ?? [:]
        let place = self["authorize"] ?? CatalogueNode(content: .map([]), file: resolved.file, line: resolved.line)
        let clientID = map["client_id_value"] ?? text("{client_id}", at: place)
        return AuthorizationRules(
            isAvailable: endpoint != nil,
            proofKey: try map["pkce"]?.choice("authorize.pkce", of: AuthorizationRules.ProofKey.self) ?? .optional,
            scopeSeparator: try map["scope_separator"]?.text("authorize.scope_separator") ?? " ",
            defaultScopes: try map["default_scopes"]?.texts("authorize.default_scopes") ?? [],
            sendsRedirectURI: try map["send_redirect_uri"]?.bool("authorize.send_redirect_uri") ?? true,
            sendsScope: try map["send_scope"]?.bool("authorize.send_scope") ?? true,
            clientIDParameter: try map["client_id_param"]?.text("authorize.client_id_param") ?? "client_id",
            clientIDValue: try template(clientID, "authorize.client_id_value"),
            parameters: try templates(map["params"], "authorize.params"), endpoint: endpoint,
            issuer: try map["issuer"].flatMap { $0.isNull ? nil : $0 }.map { node throws(CatalogueError) in
                try template(node, "authorize.issuer")
            })
    }

    /// A text with `{var.…}` in it and no other variable.
    private func constant(_ node: CatalogueNode, _ what: String) throws(CatalogueError) -> String {
        let template = try template(node, what)
        guard template.variables.isEmpty, let text = template.text({ _ in nil }) else {
            throw node.refused("\(what) may hold {var.…} only.")
        }
        return text
    }
}
