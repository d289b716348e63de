/// What is changed of who a channel is; a nil value clears.
package struct ChannelChange: Sendable, Equatable {
    package enum Field: String, Sendable, CaseIterable {
        case userID = "user_id"
        case displayName = "display_name"
        case localName = "local_name"
        case externalID = "external_id"
        /// A JSON object as text; cleared to `{}`.
        case meta
    }

    package var values: [Field: String?]

    package init(_ values: [Field: String?]) {
        self.values = values
    }
}
