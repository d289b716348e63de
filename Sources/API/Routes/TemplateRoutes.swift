package import Domain

/// What a preview shows: the text that one template makes of a made-up message.
package struct PreviewOrder: Sendable, Equatable {
    package var kind: MessageKind
    /// `slack`, `text`, `subject` or `html`.
    package var target: String
    package var language: String
    /// Nil: what is usual for the kind.
    package var type: MessageType?
    package var channels: Int
    /// Instead of the template that is in use.
    package var candidate: String?

    package static let targets = ["slack", "text", "subject", "html"]
    package static let languages = ["en", "es", "ru", "vi"]

    package init(
        kind: MessageKind, target: String, language: String, type: MessageType?, channels: Int, candidate: String?
    ) {
        self.kind = kind
        self.target = target
        self.language = language
        self.type = type
        self.channels = channels
        self.candidate = candidate
    }
}

/// Renders templates with made-up messages.
package protocol TemplatePreviewing: Sendable {
    /// - Throws: ``PreviewFault`` when the candidate is not usable.
    func preview(_ order: PreviewOrder) throws(PreviewFault) -> String
}

/// Why a candidate is no template: a sentence with its line.
package struct PreviewFault: Error, Sendable, Equatable {
    package var sentence: String

    package init(sentence: String) {
        self.sentence = sentence
    }
}

/// For interfaces without templates.
package struct NoPreviews: TemplatePreviewing {
    package init() {}

    package func preview(_ order: PreviewOrder) throws(PreviewFault) -> String {
        throw PreviewFault(sentence: "There are no templates here.")
    }
}

/// `/v1/templates/{name}/preview`: messages as people would get them, with made-up incidents.
struct TemplateRoutes: Sendable {
    let ports: HTTPInterface.Ports

    /// `KIND.TARGET`, as in the files' names.
    private static let names = MessageKind.allCases.flatMap { kind in
        PreviewOrder.targets.map { "\(kind.rawValue).\($0)" }
    }

    private static let answers: [Operation.Answer] = [
        .json(
            .object([
                "name": .oneOf(names), "language": .oneOf(PreviewOrder.languages), "text": .string(),
            ]), "The text; of `slack` the message's JSON with its blocks.")
    ]

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/templates/{name}/preview",
            Operation(
                "previewTemplate", "Shows what a template makes of a made-up message.", tag: "templates",
                access: .superadmin, path: ["name": .oneOf(Self.names)],
                query: [
                    .query("language", .oneOf(PreviewOrder.languages), "`en` when left out."),
                    .query("type", .oneOf(MessageType.allCases.map(\.rawValue)), "The kind's usual one when left out."),
                    .query("channels", .integer("", 1...100_000), "How many channels wait; 2 when left out."),
                ], answers: Self.answers)
        ) { request, path in
            try preview(
                path["name"] ?? "", language: request.parameter("language"), type: request.parameter("type"),
                channels: request.parameter("channels").flatMap { Int($0) }, candidate: nil)
        }
        router.on(
            "POST", "/v1/templates/{name}/preview",
            Operation(
                "tryTemplate", "Shows what another text of a template would make of a made-up message.",
                tag: "templates", access: .superadmin, path: ["name": .oneOf(Self.names)],
                body: .object(
                    [
                        "template": .string(length: 1...65_536), "language": .oneOf(PreviewOrder.languages),
                        "type": .oneOf(MessageType.allCases.map(\.rawValue)), "channels": .integer("", 1...100_000),
                    ], optional: ["language", "type", "channels"]),
                answers: Self.answers + [.problem(400, "The template is not usable; `detail` names the line.")])
        ) { request, path in
            let body = try request.object()
            let channels: Int? = if case .int(let number)? = body["channels"] { Int(number) } else { nil }
            return try preview(
                path["name"] ?? "", language: body["language"]?.text, type: body["type"]?.text, channels: channels,
                candidate: body["template"]?.text)
        }
    }

    private func preview(
        _ name: String, language: String?, type: String?, channels: Int?, candidate: String?
    ) throws(Problem) -> APIResponse {
        let parts = name.split(separator: ".").map(String.init)
        guard parts.count == 2, let kind = MessageKind(rawValue: parts[0]) else {
            throw Problem(
                404, "unknown-template", title: "There is no such template", detail: "No message has this name.",
                hint: "Use a kind and a target, such as opened.slack.")
        }
        let order = PreviewOrder(
            kind: kind, target: parts[1], language: language ?? "en", type: type.flatMap(MessageType.init(rawValue:)),
            channels: channels ?? 2, candidate: candidate)
        do {
            return .json([
                "name": .string(name), "language": .string(order.language),
                "text": .string(try ports.templates.preview(order)),
            ])
        } catch {
            throw Problem.badRequest(error.sentence, hint: "Mend the template and try it again.")
        }
    }
}
