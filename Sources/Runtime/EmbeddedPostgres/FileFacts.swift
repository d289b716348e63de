import FoundationEssentials

/// What the file system tells about a path; a symbolic link itself, not what it points to.
struct FileFacts: Sendable, Equatable {
    let user: UInt32
    let group: UInt32
    let volume: UInt64
    let number: UInt64
    let isLink: Bool

    /// Nil when there is nothing or it may not be looked at.
    init?(_ path: String) {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let user = FileFacts.integer(attributes[.ownerAccountID]),
            let group = FileFacts.integer(attributes[.groupOwnerAccountID]),
            let volume = FileFacts.integer(attributes[.systemNumber]),
            let number = FileFacts.integer(attributes[.systemFileNumber])
        else { return nil }
        self.user = UInt32(truncatingIfNeeded: user)
        self.group = UInt32(truncatingIfNeeded: group)
        self.volume = volume
        self.number = number
        isLink = attributes[.type] as? FileAttributeType == .typeSymbolicLink
    }

    func isSameFile(as other: FileFacts) -> Bool { volume == other.volume && number == other.number }

    /// The value is one of several integer types, depending on the attribute and on who imports Foundation.
    private static func integer(_ value: Any?) -> UInt64? { value.flatMap { UInt64(String(describing: $0)) } }
}
