package import Domain
package import FoundationEssentials
package import Providers

/// Judges new channels and new credentials: fields in, what the store takes out; pure but for the time it is given.
package struct ChannelIntake: Sendable {
    let catalogue: Catalogue
    let apps: any AppDirectory
    /// Whether the caller may name hosts that receive tokens: superadmins and the command line.
    var trustsEndpoints = true

    package init(catalogue: Catalogue, apps: any AppDirectory) {
        self.catalogue = catalogue
        self.apps = apps
    }

    /// The same for a tenant's token.
    func untrusting() -> ChannelIntake {
        var intake = self
        intake.trustsEndpoints = false
        return intake
    }

    static let textBytesMax = 1_000
    static let tokenBytesMax = 16_384

    package func channel(_ fields: ChannelFields, now: Date) throws(IntakeError) -> NewChannel {
        guard let provider = fields.values["provider"] else { throw IntakeError("`provider` is missing") }
        guard let entry = catalogue[provider] else {
            throw IntakeError(
                "there is no provider `\(provider.prefix(40))`; `tokenward providers list` names those of the catalogue"
            )
        }
        let id = fields.values["id"].map { ChannelID(rawValue: $0) } ?? .generated()
        guard id.rawValue.utf8.count <= 200, id.rawValue.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value != 127 })
        else { throw IntakeError("`id` must be at most 200 visible characters") }
        // Clients take these for steps in a path.
        guard id.rawValue != ".", id.rawValue != ".." else { throw IntakeError("`id` must not be `.` or `..`") }
        let tenant = try text("tenant_id", fields) ?? "default"
        let app = apps.app(provider: provider, tenantID: tenant)
        let grant = try grant(fields, channel: id, entry: entry, app: app, now: now)
        return NewChannel(
            id: id, tenantID: tenant, userID: try text("user_id", fields), provider: provider,
            appID: app?.id ?? provider,
            displayName: try text("display_name", fields), localName: try text("local_name", fields),
            externalID: try text("external_id", fields), status: try status(fields), meta: try object("meta", fields),
            grant: grant)
    }

    /// What a `PATCH` changes; an empty text clears as null does.
    static func change(_ body: JSON) throws(IntakeError) -> ChannelChange {
        guard case .object(let members) = body else { throw IntakeError("a change is a JSON object") }
        var values: [ChannelChange.Field: String?] = [:]
        for field in ChannelChange.Field.allCases {
            guard let value = members[ChannelFields.camelCase(field.rawValue)] else { continue }
            let text = value.text ?? (value.isNull ? "" : String(decoding: value.bytes, as: UTF8.self))
            guard !text.isEmpty else {
                values[field] = .some(nil)
                continue
            }
            guard text.utf8.count <= (field == .meta ? 65_536 : textBytesMax),
                field == .meta || !text.unicodeScalars.contains(where: { $0.value < 32 })
            else {
                throw IntakeError(
                    field == .meta
                        ? "`meta` is over 64 KiB"
                        : "`\(ChannelFields.camelCase(field.rawValue))` must be at most \(textBytesMax) bytes without control characters"
                )
            }
            values[field] = text
        }
        return ChannelChange(values)
    }

    /// A credential by hand; `parameters` are the channel's own unless the fields bring new ones.
    package func grant(
        _ fields: ChannelFields, channel: ChannelID, entry: ProviderEntry, parameters: [String: String]? = nil,
        app: App? = nil, now: Date
    ) throws(IntakeError) -> NewGrant {
        let access = try token("access_token", fields)
        let refresh = try token("refresh_token", fields)
        guard access != nil || refresh != nil else {
            throw IntakeError("`access_token` or `refresh_token` is required")
        }
        if case .accessToken = entry.credential, access == nil {
            throw IntakeError("\(entry.name) renews the access token itself: `access_token` is required")
        }
        var connection = parameters ?? [:]
        if fields.values["params"] != nil || parameters == nil {
            connection = try self.parameters(fields, entry: entry, app: app)
        }
        let issuedAt = try time("access_issued_at", fields)
        let expiresAt = try time("access_expires_at", fields)
        let refreshExpiresAt = try time("refresh_expires_at", fields)
        let credential = Credential(
            accessToken: access, refreshToken: refresh,
            scopes: fields.values["scopes"]?.split(separator: " ").map(String.init) ?? [], parameters: connection)
        return NewGrant(
            credential: credential, accessIssuedAt: issuedAt ?? (expiresAt == nil ? nil : now),
            accessExpiresAt: expiresAt, refreshExpiresAt: refreshExpiresAt,
            humanDeadlineAt: refreshExpiresAt ?? (entry.credential == .accessToken ? expiresAt : nil),
            dueAt: dueAt(
                channel: channel, entry: entry, access: access, issuedAt: issuedAt, expiresAt: expiresAt, now: now))
    }

    private func dueAt(
        channel: ChannelID, entry: ProviderEntry, access: Secret?, issuedAt: Date?, expiresAt: Date?, now: Date
    ) -> Date? {
        if entry.credential == .none { return nil }
        // Without an access token or its end, the first refresh finds out.
        guard access != nil, let expiresAt else {
            return (issuedAt ?? now).addingTimeInterval(entry.policy.minAge.seconds)
        }
        if entry.exchangesAtOnce(left: .seconds(expiresAt.timeIntervalSince(now))) { return now }
        let life = issuedAt.map { Duration.seconds(expiresAt.timeIntervalSince($0)) } ?? entry.lifetime.access
        return entry.renewalTime.dueAt(channel: channel, issuedAt: issuedAt ?? now, expiresAt: expiresAt, life: life)
    }

    private func parameters(
        _ fields: ChannelFields, entry: ProviderEntry, app: App?
    ) throws(IntakeError) -> [String: String] {
        var parameters: [String: String] = [:]
        if let text = fields.values["params"] {
            guard case .object(let members)? = try? JSON(parsing: Array(text.utf8)) else {
                throw IntakeError("`params` is not a JSON object")
            }
            for (name, value) in members {
                guard let text = value.text else { throw IntakeError("`params.\(name)` must be text") }
                parameters[name] = text
            }
        }
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
            try check(name, value, of: entry)
        }
        let known = parameters.merging(app?.parameters ?? [:]) { $1 }
        if let missing = entry.missingParameters(in: known).first {
            throw IntakeError(
                "\(entry.name) needs the connection parameter `\(missing)`: set it in `params`"
                    + (entry.connectionParameters.first { $0.name == missing }?.source == .operator
                        ? " or on the app" : ""))
        }
        return parameters
    }

    private func check(_ name: String, _ value: String, of entry: ProviderEntry) throws(IntakeError) {
        guard let parameter = entry.connectionParameters.first(where: { $0.name == name }) else {
            let names = entry.connectionParameters.map(\.name).joined(separator: ", ")
            throw IntakeError(
                "\(entry.name) has no connection parameter `\(name.prefix(40))`; it has \(names.isEmpty ? "none" : names)"
            )
        }
        // A host that receives secrets is a superadmin's choice (PROTOCOL §11).
        if parameter.source == .operator, !trustsEndpoints {
            throw IntakeError("`params.\(name)` is set by a superadmin only")
        }
        if let problem = parameter.problem(with: value) { throw IntakeError("`params.\(name)` \(problem)") }
    }

    private func status(_ fields: ChannelFields) throws(IntakeError) -> ChannelStatus {
        switch fields.values["status"] {
        case nil, "active": return .active
        case "paused": return .paused
        case let other?: throw IntakeError("`status` is `active` or `paused`, not `\(other.prefix(40))`")
        }
    }

    private func text(_ name: String, _ fields: ChannelFields) throws(IntakeError) -> String? {
        guard let text = fields.values[name] else { return nil }
        guard text.utf8.count <= Self.textBytesMax, !text.unicodeScalars.contains(where: { $0.value < 32 }) else {
            throw IntakeError("`\(name)` must be at most \(Self.textBytesMax) bytes without control characters")
        }
        return text
    }

    private func token(_ name: String, _ fields: ChannelFields) throws(IntakeError) -> Secret? {
        guard let text = fields.values[name] else { return nil }
        guard text.utf8.count <= Self.tokenBytesMax, text.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value < 127 })
        else {
            throw IntakeError("`\(name)` must be at most \(Self.tokenBytesMax) visible ASCII characters")
        }
        return Secret(text)
    }

    private func object(_ name: String, _ fields: ChannelFields) throws(IntakeError) -> String {
        guard let text = fields.values[name] else { return "{}" }
        guard text.utf8.count <= 65_536, case .object? = try? JSON(parsing: Array(text.utf8)) else {
            throw IntakeError("`\(name)` is not a JSON object of at most 64 KiB")
        }
        return text
    }

    /// RFC 3339 or epoch seconds.
    private func time(_ name: String, _ fields: ChannelFields) throws(IntakeError) -> Date? {
        guard let text = fields.values[name] else { return nil }
        if let seconds = Double(text), seconds > 0, seconds < 32_503_680_000 {
            return Date(timeIntervalSince1970: seconds)
        }
        if let date = Date(rfc3339: text) { return date }
        throw IntakeError("`\(name)` is not a time: write RFC 3339 (2026-11-21T06:00:00Z) or epoch seconds")
    }
}
