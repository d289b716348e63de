import Domain

extension EntryReader {
    private static let responseNames: Set<String> = [
        "format", "success", "access_token", "refresh_token", "access_expires", "refresh_expires", "scope",
        "token_type", "account_id", "meta", "extra_grants",
    ]

    func answer() throws(CatalogueError) -> AnswerRules {
        guard let node = self["response"] else {
            throw refused("The entry “\(resolved.name)” lacks “response”; say “extends: oauth2” to inherit it.")
        }
        let map = try node.map("response", known: Self.responseNames)
        let accessToken = try paths(map["access_token"], "response.access_token")
        guard !accessToken.isEmpty else { throw node.refused("“response” lacks access_token, the path of the token.") }
        var success: [SuccessPredicate] = []
        for item in try map["success"]?.list("response.success") ?? [] { success.append(try predicate(item)) }
        return AnswerRules(
            format: try map["format"]?.choice("response.format", of: AnswerFormat.self) ?? .json, success: success,
            accessToken: accessToken, refreshToken: try paths(map["refresh_token"], "response.refresh_token"),
            accessExpires: try expiry(map["access_expires"], "response.access_expires")
                ?? Expiry(paths: [], unit: .seconds, zeroMeans: .lifetime, missingMeans: .lifetime, fallback: []),
            refreshExpires: try expiry(map["refresh_expires"], "response.refresh_expires"),
            scope: try paths(map["scope"], "response.scope"),
            tokenType: try paths(map["token_type"], "response.token_type").first,
            accountID: try paths(map["account_id"], "response.account_id"), meta: try meta(map["meta"], "response.meta")
        )
    }

    private func predicate(_ node: CatalogueNode) throws(CatalogueError) -> SuccessPredicate {
        let what = "response.success"
        let map = try node.map(what, known: ["path", "equals", "in", "absent"])
        guard let pathNode = map["path"], map.count == 2 else {
            throw node.refused("\(what): a predicate is a path and one of equals, in, absent.")
        }
        let path = try path(pathNode, "\(what).path")
        if let equals = map["equals"] {
            return SuccessPredicate(path: path, test: .equals(try equals.text("\(what).equals")))
        }
        if let absent = map["absent"] {
            guard try absent.bool("\(what).absent") else { throw absent.refused("\(what).absent can only be true.") }
            return SuccessPredicate(path: path, test: .absent)
        }
        var wanted: [String] = []
        var orMissing = false
        for item in try map["in"]?.list("\(what).in") ?? [] {
            if item.isNull { orMissing = true } else { wanted.append(try item.text("\(what).in")) }
        }
        return SuccessPredicate(path: path, test: .oneOf(wanted, orMissing: orMissing))
    }

    private func meta(_ node: CatalogueNode?, _ what: String) throws(CatalogueError) -> [(name: String, path: BodyPath)]
    {
        var meta: [(name: String, path: BodyPath)] = []
        guard let node, !node.isNull else { return meta }
        for (name, value) in try node.map(what).sorted(by: { $0.key < $1.key }) {
            meta.append((name, try path(value, "\(what).\(name)")))
        }
        return meta
    }

    private func expiry(_ node: CatalogueNode?, _ what: String, depth: Int = 0) throws(CatalogueError) -> Expiry? {
        guard let node, !node.isNull else { return nil }
        guard depth < 4 else { throw node.refused("\(what) has too many fallbacks.") }
        let map = try node.map(what, known: ["path", "unit", "zero_means", "missing_means", "fallback"])
        let fallback = try expiry(map["fallback"], "\(what).fallback", depth: depth + 1)
        return Expiry(
            paths: try paths(map["path"], "\(what).path"),
            unit: try map["unit"]?.choice("\(what).unit", of: Expiry.Unit.self) ?? .seconds,
            zeroMeans: try map["zero_means"]?.choice("\(what).zero_means", of: Expiry.Meaning.self) ?? .lifetime,
            missingMeans: try map["missing_means"]?.choice("\(what).missing_means", of: Expiry.Meaning.self)
                ?? .lifetime,
            fallback: fallback.map { [$0] } ?? [])
    }

    func inspection() throws(CatalogueError) -> InspectionRules {
        let what = "inspect.response"
        guard let request = self["inspect"], let node = try request.map("inspect")["response"], !node.isNull else {
            return InspectionRules()
        }
        let map = try node.map(
            what,
            known: [
                "alive", "access_expires", "data_access_expires", "scopes", "error_code", "error_subcode", "account_id",
                "meta",
            ])
        _ = try meta(map["meta"], "\(what).meta")
        return InspectionRules(
            alive: try paths(map["alive"], "\(what).alive").first,
            accessExpires: try expiry(map["access_expires"], "\(what).access_expires"),
            dataAccessExpires: try expiry(map["data_access_expires"], "\(what).data_access_expires"),
            scopes: try paths(map["scopes"], "\(what).scopes"),
            errorCode: try paths(map["error_code"], "\(what).error_code").first,
            errorSubcode: try paths(map["error_subcode"], "\(what).error_subcode").first,
            accountID: try paths(map["account_id"], "\(what).account_id"))
    }

    func identity() throws(CatalogueError) -> [BodyPath] {
        let what = "identify.response"
        guard let request = self["identify"] else { return [] }
        guard let node = try request.map("identify")["response"], !node.isNull else {
            throw request.refused("“identify” needs response.account_id, the path of the account's id.")
        }
        return try paths(try node.map(what, known: ["account_id"])["account_id"], "\(what).account_id")
    }

    /// Which connection parameter a lookup of a moved account gives, and where its answer holds it.
    func relocation(_ parameters: [ConnectionParameter]) throws(CatalogueError) -> RelocationRules? {
        guard let request = self["relocate"] else { return nil }
        guard let node = try request.map("relocate")["response"] else {
            throw request.refused("“relocate” needs a response: {parameter, path}.")
        }
        let map = try node.map("relocate.response", known: ["parameter", "path"])
        guard let name = map["parameter"], let place = map["path"] else {
            throw node.refused("relocate.response needs parameter and path.")
        }
        let parameter = try name.text("relocate.response.parameter")
        // What an answer may choose is one label, or one of a list: a host is not (PROTOCOL §11).
        guard let declared = parameters.first(where: { $0.name == parameter }), declared.source != .operator else {
            throw name.refused("relocate.response.parameter must be a connection parameter that is not the operator's.")
        }
        return RelocationRules(parameter: declared, path: try path(place, "relocate.response.path"))
    }

    func retryAfter() throws(CatalogueError) -> [RetryAfterSource] {
        var sources: [RetryAfterSource] = []
        for node in try self["retry_after"]?.list("retry_after") ?? [] {
            let map = try node.map("retry_after", known: ["header", "header_json", "path", "body", "unit"])
            let unit = try map["unit"]?.choice("retry_after.unit", of: RetryAfterSource.Unit.self) ?? .seconds
            if let header = map["header"], map["path"] == nil, map["body"] == nil, map["header_json"] == nil {
                sources.append(.header(try header.text("retry_after.header").lowercased(), unit))
            } else if let header = map["header_json"], let inside = map["path"], map["body"] == nil,
                map["header"] == nil
            {
                let name = try header.text("retry_after.header_json").lowercased()
                sources.append(.headerJSON(name, try path(inside, "retry_after.path"), unit))
            } else if let body = map["body"], map.keys.allSatisfy({ $0 == "body" || $0 == "unit" }) {
                sources.append(.body(try path(body, "retry_after.body"), unit))
            } else {
                throw node.refused(
                    "retry_after is one of header, header_json with path, and body; each may have a unit.")
            }
        }
        return sources
    }
}
