package import Domain

extension JSON {
    package static func tenant(_ tenant: TenantSummary) -> JSON {
        let counts = ChannelStatus.allCases.map { ($0.name, JSON(tenant.channels[$0] ?? 0)) }
        let total = tenant.channels.values.reduce(0, +)
        return [
            "id": .string(tenant.id),
            "channels": .object(Dictionary(counts) { first, _ in first }.merging(["total": JSON(total)]) { $1 }),
        ]
    }

    package static func key(_ key: KeyUse) -> JSON {
        [
            "kid": .string(key.kid), "isInRing": .bool(key.isInRing), "seals": .bool(key.seals),
            "createdAt": JSON(key.createdAt), "channels": JSON(key.channels), "destinations": JSON(key.destinations),
        ]
    }
}

extension Schema {
    package static let tenant = object([
        "id": string(),
        "channels": object(
            Dictionary(ChannelStatus.allCases.map { ($0.name, integer("", 0...Int(Int32.max))) }) { first, _ in first }
                .merging(["total": integer("", 0...Int(Int32.max))]) { $1 }),
    ]).named("Tenant")

    package static let key = object([
        "kid": string(), "isInRing": boolean("Whether this replica has it."),
        "seals": boolean("Whether it is the first."),
        "createdAt": time.orNull, "channels": integer("Sealed with it.", 0...Int(Int32.max)),
        "destinations": integer("Sealed with it.", 0...Int(Int32.max)),
    ]).named("Key")
}
