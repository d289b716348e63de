/// The version of this build; the changelog's newest.
package enum Version {
    package static let text = "0.1.0"
}
