import Domain
import FoundationEssentials

/// What Slack and webhooks have in common: ends of a transfer that are not an answer, and `Retry-After`.
enum HTTPAttempt {
    static let bodyBytesMax = 16 * 1024

    /// The end of a transfer without an answer.
    static func end(notSent code: String, _ message: String, _ redaction: Redaction) -> AttemptEnd {
        AttemptEnd(
            .retry(), code: code, sentence: "The message did not leave: \(redaction.clean(message))",
            maybeArrived: false)
    }

    static func end(lost code: String, _ message: String, _ redaction: Redaction) -> AttemptEnd {
        AttemptEnd(
            .retry(), code: code, sentence: "No answer came, the message may have arrived: \(redaction.clean(message))",
            maybeArrived: true)
    }

    /// What the receiver asked for, in seconds or as a date, within ``DeliverySchedule/retryAfterBounds``.
    static func retryAfter(_ response: IncomingResponse, now: Date) -> Duration? {
        guard let text = response.header("retry-after") else { return nil }
        var seconds: Double
        if let number = Double(text), number.isFinite {
            seconds = number.rounded(.up)
        } else if let date = CivilTime.httpDate(text) {
            seconds = date.timeIntervalSince(now).rounded(.up)
        } else {
            return nil
        }
        let bounds = DeliverySchedule.retryAfterBounds
        seconds = min(max(seconds, bounds.lowerBound.seconds), bounds.upperBound.seconds)
        return .seconds(seconds)
    }
}
