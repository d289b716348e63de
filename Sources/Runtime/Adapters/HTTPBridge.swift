import API
import Domain
import FoundationEssentials
import MicroHTTP

/// libmicrohttpd's requests as the routes' and back.
struct HTTPBridge: Sendable {
    let interface: HTTPInterface

    func immediate(_ request: HTTPServerRequest) -> HTTPServerResponse? {
        interface.immediate(Self.request(request)).map(Self.response)
    }

    func answer(_ request: HTTPServerRequest) async -> HTTPServerResponse {
        Self.response(await interface.answer(Self.request(request)))
    }

    private static func request(_ request: HTTPServerRequest) -> APIRequest {
        APIRequest(
            method: request.method, path: request.path, segments: request.segments,
            query: request.query.map { (name: $0.0, value: $0.1) },
            headers: request.headers.map { HeaderField($0.0, $0.1) }, body: request.body,
            remoteAddress: request.remoteAddress, id: String(UInt64.random(in: 1...UInt64.max), radix: 36))
    }

    private static func response(_ response: APIResponse) -> HTTPServerResponse {
        HTTPServerResponse(
            status: response.status, headers: response.headers.map { ($0.name, $0.value) }, body: response.body)
    }
}
