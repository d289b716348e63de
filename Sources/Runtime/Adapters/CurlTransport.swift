import Curl
import Domain

/// libcurl as the HTTP and mail ports.
struct CurlTransport: HTTPSending, MailSending {
    let client: CurlClient

    func send(
        _ request: OutgoingRequest, limits: TransferLimits, permit: @escaping @Sendable () -> Bool
    ) async -> TransferEnd {
        let outcome = await client.transfer(
            CurlRequest(
                method: request.method, url: request.url.reveal(),
                headers: request.headers.map { ($0.name, $0.value) }, body: request.body,
                connectTimeout: limits.connect, totalTimeout: limits.total, bodyBytesMax: limits.bodyBytesMax),
            permit: permit)
        switch outcome {
        case .notSent(let code, let message):
            return .notSent(code: code, message: message)
        case .answered(let status, let headers, let body, let isCut, let isOverLong):
            return .answered(
                IncomingResponse(
                    status: status, headers: headers.map { HeaderField($0.0, $0.1) }, body: body, isCut: isCut,
                    isOverLong: isOverLong))
        case .lost(let code, let message):
            return .lost(code: code, message: message)
        }
    }

    func send(_ mail: OutgoingMail, through serverURL: Secret) async -> MailEnd {
        let outcome = await client.sendMail(
            CurlMail(
                serverURL: serverURL.reveal(), sender: mail.sender, recipient: mail.recipient, message: mail.message))
        switch outcome {
        case .accepted(let code): return .accepted(code: code)
        case .refused(let code, let message): return .refused(code: code, message: message)
        case .notAuthenticated(let message): return .notAuthenticated(message: message)
        case .notSent(let message): return .notSent(message: message)
        case .lost(let message): return .lost(message: message)
        }
    }
}
