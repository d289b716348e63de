import API
import Domain
import Testing

@Suite("Requests and problems")
struct MessageTests {
    @Test(arguments: [
        ("Bearer abc", "abc"), ("bearer abc", "abc"), ("BEARER   abc", "abc"), ("Bearer a b", "a b"), ("Bearer ", nil),
        ("Bearer", nil), ("Basic abc", nil), ("", nil), ("Bearerabc", nil),
    ])
    func `the token of the Authorization header`(_ header: String, _ token: String?) {
        let request = APIRequest(method: "GET", path: "/", headers: [HeaderField("authorization", header)])
        #expect(request.bearer == token.map { Secret($0) })
    }

    @Test func `a request prints no token`() {
        let request = APIRequest(method: "GET", path: "/", headers: [HeaderField("Authorization", "Bearer abc")])
        #expect("\(String(describing: request.bearer))".contains("<redacted>"))
    }

    @Test func `a problem says what happened and how to mend it`() throws {
        let response = Problem(
            409, "channel-paused", title: "T", detail: "D", hint: "H", members: ["reason": "paused"],
            retryAfterSeconds: 7
        ).response
        #expect(response.status == 409)
        let json = try JSON(parsing: response.body)
        #expect(
            json == [
                "type": "urn:tokenward:problem:channel-paused", "title": "T", "status": 409, "detail": "D", "hint": "H",
                "reason": "paused",
            ])
        let headers = Dictionary(uniqueKeysWithValues: response.headers.map { ($0.name, $0.value) })
        #expect(headers["Content-Type"] == "application/problem+json")
        #expect(headers["Cache-Control"] == "no-store" && headers["Retry-After"] == "7")
        #expect(headers["WWW-Authenticate"] == nil)
        #expect(
            Problem.unauthorized.response.headers.contains { $0.name == "WWW-Authenticate" && $0.value == "Bearer" })
    }

    @Test func `a member cannot replace the problem's own`() throws {
        let problem = Problem(400, "x", title: "T", detail: "D", hint: "H", members: ["status": 200, "type": "y"])
        let json = try JSON(parsing: problem.response.body)
        #expect(json["status"] == 400 && json["type"] == "urn:tokenward:problem:x")
    }

    @Test func `roles reach as far as they say`() throws {
        #expect(try Caller(name: "a", role: .superadmin).tenantID() == nil)
        #expect(try Caller(name: "a", role: .tenant("acme")).tenantID() == "acme")
        #expect(throws: Problem.forbidden) { try Caller(name: "a", role: .probe).tenantID() }
    }
}
