/// One line of an examination: what was looked at, how it stands, and what to do.
package struct Finding: Sendable, Equatable {
    package enum Level: String, Sendable, CaseIterable {
        case ok
        /// It works, or it could not be looked at; somebody should know.
        case warning
        /// Something does not work until it is mended.
        case failed
    }

    package enum Family: String, Sendable, CaseIterable {
        case database, schema, clock, keys, integrity, apps, destinations, catalogue, network, disk, journal, cluster
    }

    package let family: Family
    package let level: Level
    /// One sentence; holds no secret.
    package let message: String
    /// How to mend it; nil where nothing is wrong.
    package let advice: String?

    static func ok(_ family: Family, _ message: String) -> Finding {
        Finding(family: family, level: .ok, message: message, advice: nil)
    }

    static func warning(_ family: Family, _ message: String, _ advice: String) -> Finding {
        Finding(family: family, level: .warning, message: message, advice: advice)
    }

    static func failed(_ family: Family, _ message: String, _ advice: String) -> Finding {
        Finding(family: family, level: .failed, message: message, advice: advice)
    }
}
