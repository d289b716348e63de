import Domain
import FoundationEssentials

/// Where an answer says how long a token lives, and how it says it.
struct Expiry: Sendable {
    enum Unit: String, CaseIterable, Sendable {
        case seconds
        case epochSeconds = "epoch_s"
        case epochMilliseconds = "epoch_ms"
        case iso8601
        /// Above 10⁹ an epoch in seconds, above 10¹² in milliseconds, else seconds.
        case auto
    }

    /// What a missing value, or zero, stands for.
    enum Meaning: String, CaseIterable, Sendable {
        case never
        /// Ask the inspection.
        case inspect
        case unknown
        /// The entry's `lifetime`.
        case lifetime
    }

    /// What an answer said.
    enum Reading: Sendable, Equatable {
        case at(Date)
        case never
        case inspect
        case unknown
        /// Nothing of use: the entry's lifetime counts.
        case unstated
    }

    let paths: [BodyPath]
    let unit: Unit
    let zeroMeans: Meaning
    let missingMeans: Meaning
    let fallback: [Expiry]

    func reading(in root: JSONValue, at requestedAt: Date) -> Reading {
        for path in paths {
            guard let value = path.value(in: root), value != .null, value != .string("") else { continue }
            if let number = value.number, number == 0 { return Self.reading(of: zeroMeans) }
            if let date = date(of: value, at: requestedAt) { return .at(Self.clamped(date, around: requestedAt)) }
        }
        for other in fallback {
            let reading = other.reading(in: root, at: requestedAt)
            if reading != .unstated { return reading }
        }
        return Self.reading(of: missingMeans)
    }

    private static func reading(of meaning: Meaning) -> Reading {
        switch meaning {
        case .never: .never
        case .inspect: .inspect
        case .unknown: .unknown
        case .lifetime: .unstated
        }
    }

    /// Numbers may be quoted; negative and endless ones are none.
    private func date(of value: JSONValue, at requestedAt: Date) -> Date? {
        if unit == .iso8601 {
            guard case .string(let text) = value, text.utf8.count <= 40 else { return nil }
            return try? Date(text, strategy: .iso8601)
        }
        guard let number = value.number, number.isFinite, number > 0 else { return nil }
        switch unit {
        case .epochSeconds: return Date(timeIntervalSince1970: number)
        case .epochMilliseconds: return Date(timeIntervalSince1970: number / 1000)
        // No token lives for 31 years: a “lifetime” beyond 10⁹ s is an epoch, whatever the field is called.
        case .seconds, .auto, .iso8601:
            if number > 1e12 { return Date(timeIntervalSince1970: number / 1000) }
            if number > 1e9 { return Date(timeIntervalSince1970: number) }
            return requestedAt.addingTimeInterval(number)
        }
    }

    /// PROTOCOL §3.6: within [now − 1 d, now + 200 y].
    static func clamped(_ date: Date, around now: Date) -> Date {
        min(max(date, now.addingTimeInterval(-86_400)), now.addingTimeInterval(200 * 365.25 * 86_400))
    }
}
