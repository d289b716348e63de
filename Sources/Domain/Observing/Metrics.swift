import Synchronization

/// Counters, gauges and histograms for `/metrics`, with bounded label sets (never a tenant, channel or address).
package final class Metrics: Sendable {
    package enum Kind: String, Sendable { case counter, gauge, histogram }

    /// A family: its name, help and kind, and the values of each label set.
    package struct Family: Sendable {
        package var name: String
        package var help: String
        package var kind: Kind
        package var samples: [[Label]: Sample]
    }

    /// One label of a sample.
    package struct Label: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package struct Sample: Sendable {
        package var value: Double
        /// Cumulative counts by upper bound, for histograms.
        package var buckets: [Double: Double]
        package var count: Double
    }

    /// Upper bounds in seconds of every histogram here: milliseconds to hours.
    package static let bounds: [Double] = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200]

    /// Label sets of one family beyond this many are counted under `other`, so that no input grows the page.
    static let labelSetsMax = 500

    private let families = Mutex<[String: Family]>([:])

    package init() {}

    /// Names a family before its first value, so that it is on the page from the start.
    package func declare(_ name: String, _ kind: Kind, help: String, initial labels: [[(String, String)]] = []) {
        families.withLock { families in
            if families[name] == nil { families[name] = Family(name: name, help: help, kind: kind, samples: [:]) }
            for set in labels { families[name]?.samples[Self.key(set)] = Self.empty }
        }
    }

    package func increment(_ name: String, _ labels: [(String, String)] = [], by amount: Double = 1) {
        update(name, labels, .counter) { $0.value += amount }
    }

    package func set(_ name: String, _ labels: [(String, String)] = [], to value: Double) {
        update(name, labels, .gauge) { $0.value = value }
    }

    /// Replaces all label sets of a gauge at once, so that a set that is gone leaves the page.
    package func replace(_ name: String, with values: [(labels: [(String, String)], value: Double)]) {
        families.withLock { families in
            families[name, default: Family(name: name, help: name, kind: .gauge, samples: [:])].samples =
                Dictionary(
                    values.prefix(Self.labelSetsMax).map {
                        (Self.key($0.labels), Sample(value: $0.value, buckets: [:], count: 0))
                    },
                    uniquingKeysWith: { _, new in new })
        }
    }

    /// Records one observation of a histogram, in seconds.
    package func observe(_ name: String, _ labels: [(String, String)] = [], seconds: Double) {
        update(name, labels, .histogram) { sample in
            sample.count += 1
            sample.value += seconds
            for bound in Self.bounds where seconds <= bound { sample.buckets[bound, default: 0] += 1 }
        }
    }

    /// A snapshot of all families, sorted by name.
    package func snapshot() -> [Family] {
        families.withLock { $0.values.sorted { $0.name < $1.name } }
    }

    /// The value of one counter or gauge; 0 when there is none.
    package func value(_ name: String, _ labels: [(String, String)] = []) -> Double {
        families.withLock { $0[name]?.samples[Self.key(labels)]?.value ?? 0 }
    }

    private static let empty = Sample(value: 0, buckets: [:], count: 0)

    private static func key(_ labels: [(String, String)]) -> [Label] {
        labels.map { Label(name: $0.0, value: $0.1) }
    }

    private func update(_ name: String, _ labels: [(String, String)], _ kind: Kind, _ change: (inout Sample) -> Void) {
        families.withLock { families in
            var family = families[name] ?? Family(name: name, help: name, kind: kind, samples: [:])
            var key = Self.key(labels)
            if family.samples[key] == nil, family.samples.count >= Self.labelSetsMax {
                key = key.map { Label(name: $0.name, value: "other") }
            }
            change(&family.samples[key, default: Self.empty])
            families[name] = family
        }
    }
}
