import API
import Domain
import Testing

@Suite("CSV")
struct CSVTests {
    @Test(arguments: [
        (["a", "b"], "a,b\r\n"), (["a,b", "say \"x\""], "\"a,b\",\"say \"\"x\"\"\"\r\n"),
        (["a\r\nb", ""], "\"a\r\nb\",\r\n"),
        (["=1+1"], "\"'=1+1\"\r\n"), (["+49", "-1", "@x"], "\"'+49\",\"'-1\",\"'@x\"\r\n"),
        (["\t=1", "\r=1"], "\"'\t=1\",\"'\r=1\"\r\n"), (["＝1"], "\"'＝1\"\r\n"),
        (["=HYPERLINK(\"http://x\";\"y\")"], "\"'=HYPERLINK(\"\"http://x\"\";\"\"y\"\")\"\r\n"),
        (["2026-11-21T06:00:00Z"], "2026-11-21T06:00:00Z\r\n"),
        (["a=b", "a-b"], "a=b,a-b\r\n"), (["é", "日本"], "é,日本\r\n"), (["\u{301}="], "\u{301}=\r\n"),
    ])
    func `a line holds its cells, and none is a formula`(_ cells: [String], _ line: String) {
        #expect(CSV.line(cells) == line)
    }

    @Test(arguments: [
        ("text/csv", "", true), ("text/csv;q=0.9, application/json;q=0.1", "", true),
        ("application/json, text/csv", "", false),
        ("*/*", "", false), ("", "?format=csv", true), ("text/csv", "?format=json", false), ("", "", false),
        ("TEXT/CSV", "", true),
    ])
    func `a table is answered to who asks for one`(_ accept: String, _ query: String, _ isTable: Bool) async throws {
        var request = APIRequest(
            method: "GET", path: "/v1/audit",
            query: query.isEmpty ? [] : [("format", String(query.dropFirst(8)))],
            headers: [HeaderField("Authorization", "Bearer admin")])
        if !accept.isEmpty { request.headers.append(HeaderField("Accept", accept)) }
        let answer = await (try HTTPInterface.fake(FakePorts())).answer(request)
        #expect(answer.status == 200)
        let type = answer.headers.first { $0.name == "Content-Type" }?.value ?? ""
        #expect(type.hasPrefix(isTable ? "text/csv" : "application/json"), "\(type)")
        if isTable {
            #expect(
                String(decoding: answer.body, as: UTF8.self)
                    == "id,at,actor,address,requestId,tenantId,action,subject,detail\r\n")
        }
    }

    @Test(arguments: ["since=yesterday", "until=2026-13-01T00:00:00Z", "format=xml"])
    func `a time or a form that is none is refused`(_ item: String) async throws {
        let parts = item.split(separator: "=").map(String.init)
        let request = APIRequest(
            method: "GET", path: "/v1/audit", query: [(parts[0], parts[1])],
            headers: [HeaderField("Authorization", "Bearer admin")])
        #expect(await (try HTTPInterface.fake(FakePorts())).answer(request).status == 400)
    }
}
