import Domain
import FoundationEssentials

/// `POST /v1/events`: the platform's own news, relayed by the same rules.
struct EventRoutes: Sendable {
    static let dataBytesMax = 8192

    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "POST", "/v1/events",
            Operation(
                "submitEvent", "Relays an event of the platform's own as `platform.event`, once for each id.",
                tag: "events", access: .tenant,
                body: .object(
                    [
                        "id": .string("The sender's: the same id is the same event.", length: 1...200),
                        "severity": .severity, "title": .string("One line.", length: 1...200),
                        "message": .string(length: 0...2000).orNull, "tenantId": .string(length: 1...1000).orNull,
                        "link": .string("Where a human goes on.", pattern: "^https://[!-~]{1,1000}$").orNull,
                        "data": Schema(["type": ["object", "null"]]).described("At most 8 KiB, for webhooks."),
                    ], optional: ["severity", "message", "tenantId", "link", "data"]),
                answers: [
                    .json(.eventReceipt, status: 202, "Durable, and on its way."),
                    .json(.eventReceipt, "This id was seen before."),
                ])
        ) { request, _ in try await submit(request) }
    }

    private func submit(_ request: APIRequest) async throws -> APIResponse {
        let (_, tenant) = try await ports.scope(of: request)
        let body = try request.object()
        let asked = body["tenantId"]?.text
        if let tenant, let asked, asked != tenant { throw Problem.forbidden }
        guard let id = body["id"]?.text, let title = body["title"]?.text else {
            throw Problem.badRequest("`id` and `title` are required.")
        }
        var data: String?
        if let given = body["data"], !given.isNull {
            let bytes = given.bytes
            guard bytes.count <= Self.dataBytesMax else {
                throw Problem.badRequest("`data` is \(bytes.count) bytes, more than \(Self.dataBytesMax).")
            }
            data = String(decoding: bytes, as: UTF8.self)
        }
        let event = PlatformEvent(
            id: id, severity: body["severity"]?.text.flatMap(Severity.init) ?? .warning, title: title,
            message: body["message"]?.text, tenantID: tenant ?? asked, link: body["link"]?.text, data: data)
        let isNew = try await ports.relaying.log.submit(event)
        if isNew { ports.relaying.relay.send() }
        return .json(["id": .string(id), "isNew": .bool(isNew)], status: isNew ? 202 : 200)
    }
}

extension Schema {
    static let eventReceipt = object(["id": string(), "isNew": boolean()]).named("EventReceipt")
}
