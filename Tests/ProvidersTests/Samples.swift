import Domain
import FoundationEssentials

@testable import Providers

/// The embedded catalogue, read once for all tests.
let catalogue: Result<Catalogue, CatalogueError> = Result { () throws(CatalogueError) in try Catalogue.embedded() }

func entry(_ name: String) throws -> ProviderEntry {
    guard let entry = try catalogue.get()[name] else { throw MissingEntry(name: name) }
    return entry
}

struct MissingEntry: Error {
    let name: String
}

/// The embedded catalogue with one file laid over it.
func overlaid(_ text: String) throws -> Catalogue {
    try catalogue.get().overlaid(with: [CatalogueFile(name: "test.yaml", text: text)])
}

enum Sample {
    static let now = Date(timeIntervalSince1970: 1_760_000_000)
    static let access = "AT-secret-0123456789abcdef"
    static let refresh = "RT/secret+0123456789=="

    static func inputs(
        parameters: [String: String] = [:], scopes: [String] = [], variables: [String: String] = [:],
        externalID: String? = nil
    ) -> RequestInputs {
        RequestInputs(
            credential: Credential(
                accessToken: Secret(access), refreshToken: Secret(refresh), scopes: scopes, parameters: parameters),
            clientID: "client 1", clientSecret: Secret("s&cret"), redirectURI: "https://app.example/cb?x=1",
            variables: variables, externalID: externalID)
    }

    static func answer(_ body: String, status: Int = 200, presented: Credential? = nil) -> JournalAnswer {
        JournalAnswer(
            key: ClaimKey(channelID: ChannelID(rawValue: "c1"), attempt: 7), tenantID: "t", provider: "p", appID: "a",
            secretIndex: 0, grantID: 1, base: 1, requestedAt: now,
            presented: presented
                ?? Credential(
                    accessToken: Secret("old-access"), refreshToken: Secret("old-refresh"), scopes: ["read"],
                    parameters: ["subdomain": "acme"]),
            catalogueRevision: "r", status: status, headers: [], body: Array(body.utf8), isCut: false, isOverLong: false
        )
    }
}

extension OutgoingRequest {
    var text: String { String(decoding: body, as: UTF8.self) }

    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

extension ProviderEntry {
    func failure(
        _ status: Int, _ body: String = "", headers: [HeaderField] = [], phase: Phase = .refresh,
        presented: [Secret] = []
    ) -> AnswerFailure? {
        let verdict = verdict(
            status: status, headers: headers, body: Array(body.utf8), phase: phase, presented: presented,
            now: Sample.now)
        if case .failure(let failure) = verdict { return failure }
        return nil
    }
}
