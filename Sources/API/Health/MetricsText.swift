package import Domain

/// The Prometheus text format 0.0.4 of the registry.
package enum MetricsText {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package static func render(_ families: [Metrics.Family]) -> String {
        var text = ""
        for family in families {
            text += "# HELP \(family.name) \(escapeHelp(family.help))\n# TYPE \(family.name) \(family.kind.rawValue)\n"
            let samples = family.samples.map { (key: $0.key, text: labels($0.key), sample: $0.value) }
                .sorted { $0.text < $1.text }
            for sample in samples {
                switch family.kind {
                case .counter, .gauge:
                    text += "\(family.name)\(sample.text) \(number(sample.sample.value))\n"
                case .histogram:
                    text += histogram(family.name, sample.key, sample.sample)
                }
            }
        }
        return text
    }

    private static func histogram(_ name: String, _ key: [Metrics.Label], _ sample: Metrics.Sample) -> String {
        var text = ""
        for bound in Metrics.bounds {
            let le = Metrics.Label(name: "le", value: number(bound))
            text += "\(name)_bucket\(labels(key + [le])) \(number(sample.buckets[bound] ?? 0))\n"
        }
        let infinity = Metrics.Label(name: "le", value: "+Inf")
        text += "\(name)_bucket\(labels(key + [infinity])) \(number(sample.count))\n"
        text += "\(name)_sum\(labels(key)) \(number(sample.value))\n"
        text += "\(name)_count\(labels(key)) \(number(sample.count))\n"
        return text
    }

    private static func labels(_ labels: [Metrics.Label]) -> String {
        labels.isEmpty
            ? "" : "{" + labels.map { "\($0.name)=\"\(escapeValue($0.value))\"" }.joined(separator: ",") + "}"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    private static func escapeHelp(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\n") }) else { return text }
        return text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    private static func escapeValue(_ text: String) -> String {
        let text = escapeHelp(text)
        return !text.utf8.contains(UInt8(ascii: "\"")) ? text : text.replacing("\"", with: "\\\"")
    }
}
