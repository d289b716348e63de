import Curl

/// A client that may reach 127.0.0.0/8; shut down after `body`.
func withClient<R>(
    _ configuration: CurlConfiguration = .loopback(), body: (CurlClient) async throws -> R
) async throws -> R {
    let client = try CurlClient(configuration: configuration)
    let result: Result<R, any Error>
    do { result = .success(try await body(client)) } catch { result = .failure(error) }
    await client.shutdown()
    return try result.get()
}

extension CurlConfiguration {
    static func loopback(
        caFile: String? = nil, transfersMax: Int = 512, waitingMax: Int = 8192, headerBytesMax: Int = 64 << 10
    ) -> CurlConfiguration {
        CurlConfiguration(
            caFile: caFile, allowedNetworks: (try? CIDR.list("127.0.0.0/8")) ?? [], transfersMax: transfersMax,
            waitingMax: waitingMax, headerBytesMax: headerBytesMax)
    }
}

extension CurlRequest {
    static func get(_ port: Int, _ path: String = "/", total: Duration = .seconds(10)) -> CurlRequest {
        CurlRequest(method: "GET", url: "http://127.0.0.1:\(port)\(path)", totalTimeout: total)
    }

    static func post(_ port: Int, _ body: String, total: Duration = .seconds(10)) -> CurlRequest {
        CurlRequest(
            method: "POST", url: "http://127.0.0.1:\(port)/", headers: [("Content-Type", "text/plain")],
            body: Array(body.utf8), totalTimeout: total)
    }
}

/// The associated values of an outcome, comparable.
struct Answer: Equatable {
    var status: Int
    var body: String
    var isCut = false
    var isOverLong = false
}

extension CurlOutcome {
    var answer: Answer? {
        guard case .answered(let status, _, let body, let isCut, let isOverLong) = self else { return nil }
        return Answer(status: status, body: String(decoding: body, as: UTF8.self), isCut: isCut, isOverLong: isOverLong)
    }

    func header(_ name: String) -> String? {
        guard case .answered(_, let headers, _, _, _) = self else { return nil }
        return headers.first { $0.0.lowercased() == name }?.1
    }

    /// The code of `notSent`.
    var unsent: String? {
        if case .notSent(let code, _) = self { code } else { nil }
    }

    /// The code of `lost`.
    var lost: String? {
        if case .lost(let code, _) = self { code } else { nil }
    }

    var message: String {
        switch self {
        case .notSent(_, let message), .lost(_, let message): message
        case .answered: ""
        }
    }
}
