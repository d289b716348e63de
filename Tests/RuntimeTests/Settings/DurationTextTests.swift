import Runtime
import Testing

@Suite("Durations in settings")
struct DurationTextTests {
    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("30s", .seconds(30)), ("10m", .seconds(600)), ("24h", .seconds(86_400)),
        ("7d", .seconds(604_800)), ("0s", .zero),
    ])
    func `a number and a unit are a duration`(text: String, duration: Duration) {
        #expect(DurationText.parse(text) == duration)
    }

    @Test(arguments: ["", "5", "s", "-5s", "5 s", "1.5h", "5S", "٣s", "99999999999999999999d", "900000000000d", "5sec"])
    func `anything else is refused`(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: ["1ms", "1s", "60s", "2m", "90s", "1h", "24h", "2d", "1500ms"])
    func `the short form reads back as the same duration`(text: String) throws {
        let duration = try #require(DurationText.parse(text))
        #expect(DurationText.parse(DurationText.format(duration)) == duration)
    }
}
