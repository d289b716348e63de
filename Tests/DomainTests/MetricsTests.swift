import Domain
import Testing

@Suite("Metrics")
struct MetricsTests {
    @Test func `counters add, gauges replace`() {
        let metrics = Metrics()
        metrics.increment("c", [("p", "a")])
        metrics.increment("c", [("p", "a")], by: 2)
        metrics.increment("c", [("p", "b")])
        metrics.set("g", to: 5)
        metrics.set("g", to: 4)
        #expect(metrics.value("c", [("p", "a")]) == 3 && metrics.value("c", [("p", "b")]) == 1)
        #expect(metrics.value("g") == 4 && metrics.value("nobody") == 0)
    }

    @Test func `a histogram counts each bound that holds`() throws {
        let metrics = Metrics()
        metrics.observe("h", seconds: 0.3)
        metrics.observe("h", seconds: 100_000)
        let sample = try #require(metrics.snapshot().first?.samples[[]])
        #expect(sample.count == 2 && sample.value == 100_000.3)
        #expect(sample.buckets[0.1, default: 0] == 0 && sample.buckets[0.5] == 1 && sample.buckets[7200] == 1)
    }

    @Test func `a declared family is there before its first value`() throws {
        let metrics = Metrics()
        metrics.declare("c", .counter, help: "Things.", initial: [[("r", "x")]])
        metrics.declare("b", .gauge, help: "Other things.")
        let families = metrics.snapshot()
        #expect(families.map(\.name) == ["b", "c"] && families[1].help == "Things." && families[1].kind == .counter)
        #expect(families[1].samples.count == 1 && metrics.value("c", [("r", "x")]) == 0)
    }

    @Test func `no input grows a family without end`() throws {
        let metrics = Metrics()
        for number in 0..<5000 { metrics.increment("c", [("channel", "\(number)")]) }
        let family = try #require(metrics.snapshot().first)
        #expect(family.samples.count <= 501)
        #expect(family.samples.values.reduce(0) { $0 + $1.value } == 5000)
        #expect(metrics.value("c", [("channel", "other")]) >= 4400)
    }

    @Test func `replacing takes sets that are gone off the page`() {
        let metrics = Metrics()
        metrics.replace("g", with: [([("p", "a")], 1), ([("p", "b")], 2)])
        metrics.replace("g", with: [([("p", "b")], 3)])
        #expect(metrics.value("g", [("p", "a")]) == 0 && metrics.value("g", [("p", "b")]) == 3)
        #expect(metrics.snapshot().first?.samples.count == 1)
    }
}
