/// A token, client secret, key or private URL; printing, interpolating or reflecting it shows `<redacted>`.
///
/// The value leaves through ``reveal()`` alone, so that `grep reveal` lists every place that handles one.
package struct Secret: Sendable, Hashable {
    private let value: String

    package init(_ value: String) {
        self.value = value
    }

    /// The secret itself, for the request, the sealed row or the answer that needs it.
    package func reveal() -> String { value }

    package var isEmpty: Bool { value.isEmpty }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
