import Domain
import Testing

@Suite("Secret")
struct SecretTests {
    struct Holder {
        var name = "app"
        var secret = Secret("canary")
        var optional: Secret? = Secret("canary")
        var list = [Secret("canary")]
        var map = ["k": Secret("canary")]
    }

    @Test func `no way of printing shows it`() {
        let holder = Holder()
        var dumped = ""
        dump(holder, to: &dumped)
        let texts = [
            "\(Secret("canary"))", String(describing: holder), String(reflecting: holder), dumped,
            "\(Credential(accessToken: Secret("canary"), refreshToken: Secret("canary")))",
            "\(Mirror(reflecting: Secret("canary")).children.map(\.value))",
            "\(OutgoingRequest(method: "POST", url: Secret("https://u:canary@host.example/canary?canary=canary")))",
        ]
        for text in texts { #expect(!text.contains("canary"), "\(text)") }
        #expect("\(Secret("canary"))" == "<redacted>")
    }

    @Test func `a request prints method and host`() {
        #expect(
            "\(OutgoingRequest(method: "GET", url: Secret("https://host.example:8443/a/b?c=d")))"
                == "GET host.example:8443")
        #expect("\(OutgoingRequest(method: "GET", url: Secret("nonsense")))" == "GET ")
        #expect("\(OutgoingRequest(method: "GET", url: Secret("")))" == "GET ")
    }

    @Test func `it compares and reveals`() {
        #expect(Secret("a") == Secret("a") && Secret("a") != Secret("b"))
        #expect(Secret("a").reveal() == "a" && Secret("").isEmpty && !Secret("a").isEmpty)
    }
}
