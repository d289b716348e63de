import Domain
import FoundationEssentials
import Sealing

/// The JSON inside an authorization's sealed column: everything that finishing needs of the provider's answer.
private struct ExchangeDocument: Codable {
    var provider: String
    var app: String
    var requestedAt: Date
    var scopes: [String]
    var params: [String: String]
    var catalogue: String
    var status: Int
    var headers: [HeaderField]
    var body: Data
    var isCut: Bool
    var isOverLong: Bool
}

extension Store {
    /// Binds a kept answer to its authorization (PROTOCOL §10).
    private func context(_ authorization: Authorization) -> SealContext {
        SealContext(
            kind: .authorization, tenant: authorization.target.tenantID, id: "\(authorization.id)",
            first: authorization.target.grantID ?? 0)
    }

    func seal(_ answer: JournalAnswer, of authorization: Authorization) throws -> SealedValue {
        let document = ExchangeDocument(
            provider: answer.provider, app: answer.appID, requestedAt: answer.requestedAt,
            scopes: answer.presented.scopes, params: answer.presented.parameters, catalogue: answer.catalogueRevision,
            status: answer.status, headers: answer.headers, body: Data(answer.body), isCut: answer.isCut,
            isOverLong: answer.isOverLong)
        return try ring.seal(Array(try JSONEncoder().encode(document)), in: context(authorization))
    }

    func open(_ sealed: SealedValue, of authorization: Authorization) throws -> JournalAnswer {
        let bytes = try ring.open(sealed, in: context(authorization))
        let document = try JSONDecoder().decode(ExchangeDocument.self, from: Data(bytes))
        return JournalAnswer(
            key: .authorization(authorization.id), tenantID: authorization.target.tenantID,
            provider: document.provider, appID: document.app, secretIndex: 0,
            grantID: authorization.target.grantID ?? 0, base: 0, requestedAt: document.requestedAt,
            presented: Credential(scopes: document.scopes, parameters: document.params),
            catalogueRevision: document.catalogue, status: document.status, headers: document.headers,
            body: Array(document.body), isCut: document.isCut, isOverLong: document.isOverLong)
    }
}
