import API
import Domain
import Testing

@Suite("Metrics text")
struct MetricsTextTests {
    @Test func `families come by name with help and type, samples by label`() {
        let metrics = Metrics()
        metrics.declare("b_gauge", .gauge, help: "Help with \\ and\na line.")
        metrics.set("b_gauge", [("provider", "z")], to: 1.5)
        metrics.set("b_gauge", [("provider", "a\"\\\n")], to: -2)
        metrics.declare("a_total", .counter, help: "Counts.")
        metrics.increment("a_total", by: 3)
        #expect(
            MetricsText.render(metrics.snapshot()) == """
                # HELP a_total Counts.
                # TYPE a_total counter
                a_total 3
                # HELP b_gauge Help with \\\\ and\\na line.
                # TYPE b_gauge gauge
                b_gauge{provider="a\\"\\\\\\n"} -2
                b_gauge{provider="z"} 1.5

                """)
    }

    @Test func `a histogram is cumulative and ends in infinity`() {
        let metrics = Metrics()
        metrics.declare("t_seconds", .histogram, help: "Times.")
        for seconds in [0.001, 0.2, 0.2, 9000] { metrics.observe("t_seconds", [("provider", "x")], seconds: seconds) }
        let lines = MetricsText.render(metrics.snapshot()).split(separator: "\n").map(String.init)
        #expect(lines.contains("t_seconds_bucket{provider=\"x\",le=\"0.005\"} 1"))
        #expect(lines.contains("t_seconds_bucket{provider=\"x\",le=\"0.1\"} 1"))
        #expect(lines.contains("t_seconds_bucket{provider=\"x\",le=\"0.5\"} 3"))
        #expect(lines.contains("t_seconds_bucket{provider=\"x\",le=\"7200\"} 3"))
        #expect(lines.contains("t_seconds_bucket{provider=\"x\",le=\"+Inf\"} 4"))
        #expect(lines.contains("t_seconds_count{provider=\"x\"} 4"))
        #expect(lines.contains("t_seconds_sum{provider=\"x\"} 9000.401"))
    }

    @Test func `an empty family shows its help only and an empty registry nothing`() {
        let metrics = Metrics()
        #expect(MetricsText.render(metrics.snapshot()).isEmpty)
        metrics.declare("x", .gauge, help: "X.")
        #expect(MetricsText.render(metrics.snapshot()) == "# HELP x X.\n# TYPE x gauge\n")
    }

    @Test func `large numbers stay numbers`() {
        let metrics = Metrics()
        metrics.set("a", to: 1e18)
        metrics.set("d", to: 1_795_240_800)
        let text = MetricsText.render(metrics.snapshot())
        #expect(text.contains("\na 1e+18\n"))
        #expect(text.contains("\nd 1795240800\n"))
    }
}
