import Domain
import FoundationEssentials
import Testing

@testable import Providers

@Suite("Inspections")
struct InspectionTests {
    private func report(_ name: String, _ status: Int, _ body: String) throws -> Inspection {
        try entry(name).inspection(status: status, body: Array(body.utf8), at: Sample.now)
    }

    @Test func `Meta tells life, end, data access and scopes`() throws {
        let report = try report(
            "facebook",
            200,
            #"{"data":{"is_valid":true,"expires_at":1765000000,"data_access_expires_at":1767000000,"scopes":["a","b"],"user_id":"42"}}"#
        )
        #expect(
            report
                == Inspection(
                    isAlive: true, accessExpiresAt: Date(timeIntervalSince1970: 1_765_000_000),
                    dataAccessExpiresAt: Date(timeIntervalSince1970: 1_767_000_000), scopes: ["a", "b"],
                    externalID: "42"))
        let endless = try self.report("whatsapp", 200, #"{"data":{"is_valid":true,"expires_at":0}}"#)
        #expect(endless.neverExpires && endless.accessExpiresAt == nil)
        let dead = try self.report("whatsapp", 200, #"{"data":{"is_valid":false,"error":{"code":190,"subcode":460}}}"#)
        #expect(dead.isAlive == false && dead.errorCode == "190" && dead.errorSubcode == "460")
    }

    @Test func `introspection tells active and end`() throws {
        let report = try report("oauth2", 200, #"{"active":true,"exp":1760003600,"scope":"a b"}"#)
        #expect(report.isAlive == true && report.scopes == ["a", "b"])
        #expect(report.accessExpiresAt == Sample.now.addingTimeInterval(3600))
        #expect(try self.report("oauth2", 200, #"{"active":false}"#).isAlive == false)
        #expect(try self.report("oauth2", 200, "{}").isAlive == nil)
    }

    @Test func `a dead access token at Google is no verdict on the grant`() throws {
        let report = try report("youtube", 400, #"{"error":"invalid_token","error_description":"Invalid Value"}"#)
        #expect(report.isAlive == false)
        #expect(try self.report("youtube", 200, #"{"exp":"1760003600","scope":"x","sub":"9"}"#).isAlive == true)
    }

    @Test(arguments: [
        ("oauth2", 401, ""), ("oauth2", 401, #"{"error":"invalid_client"}"#),
        ("facebook", 400, #"{"error":{"code":190}}"#),
    ])
    func `the app's own failure is the app's`(name: String, status: Int, body: String) throws {
        let error = #expect(throws: AnswerError.self) { try report(name, status, body) }
        guard case .refused(let failure)? = error else { return }
        #expect(failure.answerClass == .client)
    }

    @Test(arguments: [(500, ""), (200, "<html>"), (429, "{}"), (302, "")])
    func `anything else is no report`(status: Int, body: String) {
        #expect(throws: AnswerError.self) { try report("facebook", status, body) }
    }
}
