/// Something a test waited for did not come in its time.
package struct NotInTime: Error, CustomStringConvertible {
    package var description: String

    package init(_ what: String, within limit: Duration, last: String = "") {
        description = "Within \(limit) it did not come that \(what).\(last.isEmpty ? "" : " \(last)")"
    }
}

/// Returns when `isTrue` holds; it is asked again after each `pause`.
///
/// - Parameters:
///   - what: ends the sentence “it did not come that …”.
///   - evidence: what the world looks like when the time is over.
/// - Throws: ``NotInTime``; what `isTrue` throws.
package func eventually(
    within limit: Duration = .seconds(10), every pause: Duration = .milliseconds(40), _ what: String,
    evidence: () async -> String = { "" }, _ isTrue: () async throws -> Bool
) async throws {
    let _: Bool = try await eventual(within: limit, every: pause, what, evidence: evidence) {
        try await isTrue() ? true : nil
    }
}

/// The first value that is not nil.
///
/// - Throws: ``NotInTime``; what `value` throws.
package func eventual<Value>(
    within limit: Duration = .seconds(10), every pause: Duration = .milliseconds(40), _ what: String,
    evidence: () async -> String = { "" }, _ value: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        if let value = try await value() { return value }
        guard ContinuousClock.now < deadline else { throw NotInTime(what, within: limit, last: await evidence()) }
        try await Task.sleep(for: pause)
    }
}
