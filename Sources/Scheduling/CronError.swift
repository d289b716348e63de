/// Why a text is no cron or no recurrence, as a sentence that says how to mend it.
package struct CronError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    init(_ sentence: String) {
        description = sentence
    }
}
