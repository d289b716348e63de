import Domain
import FoundationEssentials
import Providers
import Templates

/// Tokens by hand, for providers without a usable consent page; whoever pastes them has signed in.
extension Reauthorization {
    static let tokenBytesMax = 16_384

    func paste(_ visit: Visit, _ subject: Subject) async throws -> PageAnswer {
        guard case .open(let link) = subject, let channel = link.channel else {
            return try await show(visit, subject)
        }
        guard let actor = try await session(visit.request, for: channel.tenantID) else {
            return try visit.pages.notice(.signInRefused, back: link.path)
        }
        guard let entry = ports.catalogue[channel.provider] else { return try visit.pages.notice(.linkInvalid) }
        let form = visit.request.form
        guard let access = Self.token(form["access_token"]), let refresh = Self.token(form["refresh_token"]),
            let credential = Self.credential(access, refresh, channel, entry)
        else { return try refused(visit, link, "tokens") }
        let inspection: Inspection?
        switch await inspect(credential, channel, entry) {
        case .success(let found): inspection = found
        case .failure(let refusal): return try refused(visit, link, refusal.code, refusal.message)
        }
        if let account = inspection?.externalID, let expected = channel.externalID, account != expected {
            return try visit.pages.notice(
                .wrongAccount,
                ["name": visit.pages.name(of: channel), "actual": account, "expected": expected], back: link.path)
        }
        let missing = Set(channel.scopes).subtracting(inspection?.scopes ?? channel.scopes)
        guard missing.isEmpty else {
            return try visit.pages.notice(
                .scopeMissing, ["scopes": missing.sorted().joined(separator: " ")], back: link.path)
        }
        let isStored = try await ports.channels.replaceCredential(
            of: channel.id, tenantID: channel.tenantID, with: grant(credential, inspection, channel, entry),
            actor: AuditActor(name: actor, address: visit.request.remoteAddress))
        guard isStored else { return try visit.pages.notice(.linkInvalid) }
        return .redirect(to: link.path)
    }

    private struct PasteRefusal: Error {
        var code: String
        var message: String?
    }

    private func refused(
        _ visit: Visit, _ link: OpenLink, _ code: String, _ message: String? = nil
    ) throws -> PageAnswer {
        try visit.pages.notice(.pasteRefused, ["message": message, code: "1"], back: link.path)
    }

    /// Nil for what is no token; a secret of no bytes for an empty field.
    private static func token(_ text: String?) -> Secret? {
        let text = (text ?? "").filter { !$0.isWhitespace }
        guard text.utf8.count <= tokenBytesMax, text.utf8.allSatisfy({ (33...126).contains($0) }) else { return nil }
        return Secret(text)
    }

    /// Nil when the token that renews the channel is not there.
    private static func credential(
        _ access: Secret, _ refresh: Secret, _ channel: Channel, _ entry: ProviderEntry
    ) -> Credential? {
        if entry.credential == .refreshToken, refresh.isEmpty { return nil }
        if entry.credential != .refreshToken, access.isEmpty { return nil }
        return Credential(
            accessToken: access.isEmpty ? nil : access, refreshToken: refresh.isEmpty ? nil : refresh,
            scopes: channel.scopes, parameters: channel.parameters)
    }

    private func inspect(
        _ credential: Credential, _ channel: Channel, _ entry: ProviderEntry
    ) async -> Result<Inspection?, PasteRefusal> {
        guard credential.accessToken != nil,
            let app = ports.apps.app(provider: channel.provider, tenantID: channel.tenantID),
            let request =
                (try? entry.inspectRequest(
                    RequestInputs(
                        credential: credential, app: app, secret: app.secrets.first, externalID: channel.externalID)))
                ?? nil
        else { return .success(nil) }
        guard
            case .answered(let response) = await ports.sender.send(
                request, limits: TransferLimits(total: .seconds(10)), permit: { true })
        else { return .failure(PasteRefusal(code: "unasked")) }
        do {
            let found = try entry.inspection(
                status: response.status, headers: response.headers, body: response.body, at: now(),
                presented: [credential.accessToken, credential.refreshToken].compactMap(\.self))
            return found.isAlive == false ? .failure(PasteRefusal(code: "dead")) : .success(found)
        } catch .refused(let failure) {
            return .failure(
                PasteRefusal(code: failure.answerClass == .reauth ? "dead" : "unasked", message: failure.message))
        } catch {
            return .failure(PasteRefusal(code: "unasked"))
        }
    }

    private func grant(
        _ credential: Credential, _ inspection: Inspection?, _ channel: Channel, _ entry: ProviderEntry
    ) -> NewGrant {
        let now = now()
        let expiry = inspection?.accessExpiresAt
        // Without an access token or its end, the first refresh finds out.
        let due: Date? =
            if entry.credential == .none {
                nil
            } else if credential.accessToken != nil, let expiry {
                entry.renewalTime.dueAt(
                    channel: channel.id, issuedAt: now, expiresAt: expiry, life: entry.lifetime.access)
            } else {
                now.addingTimeInterval(entry.policy.minAge.seconds)
            }
        var scoped = credential
        if let scopes = inspection?.scopes, !scopes.isEmpty { scoped.scopes = scopes }
        return NewGrant(
            credential: scoped, accessIssuedAt: expiry == nil ? nil : now, accessExpiresAt: expiry,
            refreshExpiresAt: nil, humanDeadlineAt: entry.credential == .accessToken ? expiry : nil, dueAt: due)
    }
}
