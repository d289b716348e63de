import API
import Domain
import Logging
import Notifier
import Reauthorization
import Sealing
import Store
import Templates

/// What is reached without a bearer token and proves itself: pages behind signed links, and Slack's requests.
struct OuterPages: Sendable {
    let reauthorization: Reauthorization
    let unsubscription: Unsubscription
    let slack: SlackHook

    /// Nil when the path is none of theirs.
    func answer(_ request: APIRequest) async throws -> APIResponse? {
        if request.path == SlackHook.path, request.method == "POST" {
            let answer = try await slack.answer(
                header: request.header, body: request.body, remoteAddress: request.remoteAddress)
            return .text(answer.sentence, status: answer.status)
        }
        let request = PageRequest(request)
        if let page = try await unsubscription.answer(request) { return APIResponse(page) }
        return try await reauthorization.answer(request).map(APIResponse.init)
    }
}

extension Installation {
    func unsubscription() -> Unsubscription {
        Unsubscription(control: store, ring: ring, templates: templates, language: settings.relay.language)
    }

    func slackHook(_ transport: CurlTransport, logger: Logger) -> SlackHook {
        SlackHook(
            destination: { [store] in try await store.destination($0, tenantID: nil) }, control: store,
            http: transport, texts: MessageTexts(templates: templates, language: settings.relay.language),
            logger: logger)
    }
}
