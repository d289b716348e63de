/// Names and texts from others, made fit to be shown: short, on one line, without controls, bidi or live links.
package enum DisplayText {
    /// How many characters of a name or a provider's text a message shows.
    package static let charactersMax = 80

    /// One line of at most ``charactersMax`` characters whose links nobody can follow by accident.
    package static func short(_ text: String, max: Int = charactersMax) -> String {
        let whole = defanged(clean(text))
        guard whole.count > max else { return whole }
        return whole.prefix(max - 1) + "…"
    }

    /// The text without controls, format characters (bidi, zero width), private and unassigned ones; white space
    /// becomes single spaces, and a pile of combining marks is cut.
    package static func clean(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        var marks = 0
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace || scalar == "\u{0085}" {
                kept.append(" ")
                marks = 0
                continue
            }
            switch scalar.properties.generalCategory {
            case .control, .format, .privateUse, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator:
                continue
            case .nonspacingMark, .enclosingMark:
                marks += 1
                if marks <= 3 { kept.append(scalar) }
            default:
                marks = 0
                kept.append(scalar)
            }
        }
        return String(kept).split(separator: " ").joined(separator: " ")
    }

    /// `https://evil.example` → `https[:]//evil[.]example`: mail and chat programs make no link of it.
    static func defanged(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        var result = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            let next = index + 1 < scalars.count ? scalars[index + 1] : " "
            let before = index > 0 ? scalars[index - 1] : " "
            if scalar == ".", before.properties.isAlphanumeric, next.properties.isAlphabetic {
                result.append(contentsOf: "[.]".unicodeScalars)
            } else if scalar == ":", next == "/" {
                result.append(contentsOf: "[:]".unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }
}

extension Unicode.Scalar.Properties {
    fileprivate var isAlphanumeric: Bool { isAlphabetic || numericType != nil }
}
