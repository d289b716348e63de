import Domain
import FoundationEssentials
import Logging
import Providers
import Sealing
import Templates

/// Opening a link: nothing is written, so mail scanners are harmless.
extension Reauthorization {
    func show(_ visit: Visit, _ subject: Subject) async throws -> PageAnswer {
        switch subject {
        case .unknown: return try visit.pages.notice(.linkInvalid)
        case .expired: return try visit.pages.notice(.linkExpired)
        case .done(let channel, let isConnection): return try visit.pages.done(channel, isConnection: isConnection)
        case .open(let link): return try await show(visit, link)
        }
    }

    private func show(_ visit: Visit, _ link: OpenLink) async throws -> PageAnswer {
        var context = try facts(visit.pages, link)
        let session = try await session(visit.request, for: link.target.tenantID)
        var formTarget: String?
        switch plan(link) {
        case .success(let plan):
            if needsSignIn(link, plan), session == nil {
                context["needsSignIn"] = true
            } else {
                context["action"] = .text(link.path)
                // The consent page may lead on to other hosts of its provider, and browsers count that as the form's.
                formTarget = plan.origin.hasPrefix("https://") ? "https:" : plan.origin
            }
            context["providerTitle"] = .text(plan.entry.title)
        case .failure(let obstacle):
            context["obstacle"] = true
            context[obstacle.rawValue] = true
        }
        if link.channel != nil {
            context["byHand"] = true
            if session != nil { context["tokensAction"] = .text(link.path + "/tokens") }
            if ports.catalogue[link.target.provider]?.credential == .refreshToken { context["hasRefreshToken"] = true }
        }
        if let session {
            context["signedInAs"] = .text(DisplayText.short(session))
        } else if context["needsSignIn"] != nil || link.channel != nil, site.mayCarrySecrets {
            context["signInAction"] = .text(link.path + "/sign-in")
        }
        let html = try visit.pages.templates.render("reauthorize.page", language: visit.pages.language, context)
        return .page(html, formTarget: formTarget)
    }

    private func facts(_ pages: Pages, _ link: OpenLink) throws -> [String: TemplateValue] {
        let title = ports.catalogue[link.target.provider]?.title ?? link.target.provider
        var facts: [String: TemplateValue?] = [
            "language": .text(pages.language), "provider": .text(link.target.provider),
            "providerTitle": .text(DisplayText.short(title)), "tenant": .text(DisplayText.short(link.target.tenantID)),
            "user": .optional(link.target.userID.map { DisplayText.short($0) }),
            "name": .text(DisplayText.short(link.target.displayName ?? (link.channel.map(pages.name) ?? title))),
        ]
        if let channel = link.channel {
            facts["channelId"] = .text(DisplayText.short(channel.id.rawValue))
            facts["account"] = .optional(channel.externalID.map { DisplayText.short($0) })
            if let warning = channel.warning {
                let deadline = RelayRules.deadline(
                    reason: warning.reason.rawValue, accessExpiresAt: channel.accessExpiresAt,
                    humanDeadlineAt: channel.humanDeadline)
                facts["reasonText"] = .text(try pages.reason(warning.reason))
                facts["since"] = .optional(pages.time(warning.since ?? link.incident?.openedAt))
                facts["deadline"] = .optional(pages.time(deadline))
                facts["message"] = .optional(warning.message.map { DisplayText.short($0) })
            } else {
                facts["isWell"] = true
            }
        } else {
            facts["isConnection"] = true
        }
        return facts.compactMapValues { $0 }
    }

    // MARK: Sign-in

    /// The name of whoever signed in and may act for this tenant.
    func session(_ request: PageRequest, for tenant: String) async throws -> String? {
        let name = site.cookieName(SessionCookie.name)
        guard let text = request.cookies.last(where: { $0.name == name })?.value,
            let cookie = ring.opened(text, as: SessionCookie.self, kind: .cookie, id: SessionCookie.name),
            cookie.expiresAt > now()
        else { return nil }
        return try await holder(cookie.digest, for: tenant)
    }

    private func holder(_ digest: [UInt8], for tenant: String) async throws -> String? {
        guard let (name, role) = try await ports.tokens.tokenHolder(digest: digest),
            role == "superadmin" || role == "tenant:\(tenant)"
        else { return nil }
        return name
    }

    func signIn(_ visit: Visit, _ subject: Subject) async throws -> PageAnswer {
        guard case .open(let link) = subject, site.mayCarrySecrets else { return try await show(visit, subject) }
        let token = (visit.request.form["token"] ?? "").filter { !$0.isWhitespace }
        guard (1...512).contains(token.utf8.count),
            try await holder(TokenDigest.of(Secret(token)), for: link.target.tenantID) != nil
        else {
            logger.notice(
                "a sign-in was refused",
                metadata: ["event": "sign_in.refused", "address": "\(visit.request.remoteAddress)"])
            return try visit.pages.notice(.signInRefused, back: link.path)
        }
        let cookie = SessionCookie(
            digest: TokenDigest.of(Secret(token)), expiresAt: now().addingTimeInterval(SessionCookie.lifetime))
        var answer = PageAnswer.redirect(to: link.path)
        answer.headers.append(
            site.setCookie(
                SessionCookie.name, try ring.sealedText(cookie, kind: .cookie, id: SessionCookie.name),
                seconds: Int(SessionCookie.lifetime)))
        return answer
    }
}
