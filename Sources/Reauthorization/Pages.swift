import Domain
import FoundationEssentials
import Templates

/// Pages that say how something ended; the raw value names the section of `notice.page`.
enum Notice: String, Sendable, CaseIterable {
    case recovered, connected
    case linkInvalid = "link_invalid"
    case linkExpired = "link_expired"
    case otherBrowser = "other_browser"
    case replayed
    case declined
    case issuerMismatch = "issuer_mismatch"
    case callbackRefused = "callback_refused"
    case pending
    case pasteRefused = "paste_refused"
    case signInRefused = "sign_in_refused"
    case cannotStart = "cannot_start"
    case tooMany = "too_many"
    case wrongMethod = "wrong_method"
    case crossSite = "cross_site"
    case unavailable
    case codeRefused = "code_refused"
    case appRejected = "app_rejected"
    case noAnswer = "no_answer"
    case wrongAccount = "wrong_account"
    case accountUnproven = "account_unproven"
    case accountElsewhere = "account_elsewhere"
    case scopeMissing = "scope_missing"
    case refreshTokenMissing = "refresh_token_missing"
    case tokenKnown = "token_known"
    case supersededMeanwhile = "superseded_meanwhile"
    case identityForged = "identity_forged"

    init(_ refusal: AuthorizationRefusal) {
        self = Notice(rawValue: refusal.rawValue) ?? .noAnswer
    }

    var status: Int {
        switch self {
        case .recovered, .connected: 200
        case .pending: 202
        case .linkInvalid: 404
        case .linkExpired: 410
        case .tooMany: 429
        case .wrongMethod: 405
        case .unavailable: 503
        case .signInRefused, .crossSite, .wrongAccount, .accountUnproven, .identityForged, .issuerMismatch,
            .otherBrowser:
            403
        case .replayed, .supersededMeanwhile, .accountElsewhere, .tokenKnown, .cannotStart: 409
        case .declined, .callbackRefused, .pasteRefused, .codeRefused, .scopeMissing, .refreshTokenMissing: 400
        case .appRejected, .noAnswer: 502
        }
    }

    var isGood: Bool { self == .recovered || self == .connected }
}

/// Renders the pages in one language.
struct Pages: Sendable {
    let templates: MessageTemplates
    let language: String

    func speaking(_ language: String) -> Pages { Pages(templates: templates, language: language) }

    /// - Parameters:
    ///   - facts: names and texts from others, cut and cleaned here.
    ///   - back: a path of ours to try again from.
    func notice(_ notice: Notice, _ facts: [String: String?] = [:], back: String? = nil) throws(TemplateError)
        -> PageAnswer
    {
        var context: [String: TemplateValue] = [
            "language": .text(language), notice.rawValue: true, "isGood": .flag(notice.isGood),
        ]
        for (name, value) in facts {
            if let value, !value.isEmpty { context[name] = .text(DisplayText.short(value, max: 200)) }
        }
        if let back { context["back"] = .text(back) }
        var answer = PageAnswer.page(
            try templates.render("notice.page", language: language, context), status: notice.status)
        if notice == .tooMany { answer.headers.append(HeaderField("Retry-After", "60")) }
        if notice == .wrongMethod { answer.headers.append(HeaderField("Allow", "GET, POST")) }
        return answer
    }

    func done(_ channel: Channel, isConnection: Bool) throws(TemplateError) -> PageAnswer {
        try notice(
            isConnection ? .connected : .recovered,
            ["name": name(of: channel), "provider": channel.provider, "expires": time(channel.accessExpiresAt)])
    }

    func name(of channel: Channel) -> String { channel.displayName ?? channel.id.rawValue }

    /// `2026-11-25 18:40 UTC`.
    func time(_ date: Date?) -> String? {
        date.map { String($0.formatted(.iso8601).prefix(16)).replacing("T", with: " ") + " UTC" }
    }

    func reason(_ reason: WarningReason) throws(TemplateError) -> String {
        try templates.render(
            "reason.text", language: language, ["reason": .text(reason.rawValue), reason.rawValue: true]
        )
        .split(separator: "\n").joined(separator: " ")
    }
}
