/// Settings that nothing can be started with: every problem found, each one sentence with how to mend it.
package struct SettingsError: Error, Equatable, CustomStringConvertible {
    /// At least one; no sentence holds a secret's value.
    package let problems: [String]

    package init(problems: [String]) {
        self.problems = problems
    }

    package var description: String { problems.joined(separator: "\n") }
}
