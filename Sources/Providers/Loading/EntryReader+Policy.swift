extension EntryReader {
    private static let policyNames: Set<String> = [
        "refresh_before", "min_age", "min_interval", "only_unexpired", "rotation", "require_new_refresh_token",
        "old_refresh_valid", "on_reuse", "keep_alive", "dead_confirmations", "unmatched_4xx", "verify_extended",
        "inspect_every", "refresh_on",
    ]
    private enum Unmatched: String, CaseIterable { case unknown, reauth }

    func policy() throws(CatalogueError) -> RefreshPolicy {
        let map = (try self["policy"]?.map("policy", known: Self.policyNames) ?? [:]).filter { !$0.value.isNull }
        var policy = RefreshPolicy()
        policy.refreshBefore = try duration(map, "refresh_before", "policy") ?? policy.refreshBefore
        policy.minAge = try duration(map, "min_age", "policy") ?? policy.minAge
        policy.minInterval = try duration(map, "min_interval", "policy") ?? policy.minInterval
        policy.onlyUnexpired = try map["only_unexpired"]?.bool("policy.only_unexpired") ?? policy.onlyUnexpired
        policy.rotation =
            try map["rotation"]?.choice("policy.rotation", of: RefreshPolicy.Rotation.self) ?? policy.rotation
        policy.requireNewRefreshToken =
            try map["require_new_refresh_token"]?.bool("policy.require_new_refresh_token")
            ?? policy.requireNewRefreshToken
        if let node = map["old_refresh_valid"] { policy.oldRefreshValid = try oldToken(node) }
        policy.onReuse = try map["on_reuse"]?.choice("policy.on_reuse", of: RefreshPolicy.Reuse.self) ?? policy.onReuse
        policy.keepAlive = try duration(map, "keep_alive", "policy")
        policy.deadConfirmations =
            try map["dead_confirmations"]?.int("policy.dead_confirmations", in: 1...10) ?? policy.deadConfirmations
        policy.verifyExtended = try map["verify_extended"]?.bool("policy.verify_extended") ?? policy.verifyExtended
        policy.inspectEvery = try duration(map, "inspect_every", "policy")
        policy.refreshOn =
            try map["refresh_on"]?.choice("policy.refresh_on", of: RefreshPolicy.Trigger.self) ?? policy.refreshOn
        // `reauth` is accepted for older files and read as `unknown`: no catch-all is a verdict (PROTOCOL §7).
        _ = try map["unmatched_4xx"]?.choice("policy.unmatched_4xx", of: Unmatched.self)
        if let keepAlive = policy.keepAlive, keepAlive < .seconds(60), let node = map["keep_alive"] {
            throw node.refused("policy.keep_alive must be at least 60s.")
        }
        return policy
    }

    private func oldToken(_ node: CatalogueNode) throws(CatalogueError) -> RefreshPolicy.OldToken {
        switch try node.text("policy.old_refresh_valid") {
        case "none": return .none
        case "unknown": return .unknown
        case "until_next_use": return .untilNextUse
        case "forever": return .forever
        case let text:
            guard let duration = Duration(catalogueText: text), duration > .zero else {
                throw node.refused(
                    "policy.old_refresh_valid must be none, unknown, until_next_use, forever or a duration such as 30m."
                )
            }
            return .valid(duration)
        }
    }

    func lifetime() throws(CatalogueError) -> Lifetime {
        let names: Set<String> = ["access", "refresh", "refresh_kind", "refresh_idle", "refresh_max"]
        let map = (try self["lifetime"]?.map("lifetime", known: names) ?? [:]).filter { !$0.value.isNull }
        var lifetime = Lifetime()
        if case .scalar("never", _)? = map["access"]?.content {
            lifetime.accessNeverExpires = true
        } else {
            lifetime.access = try duration(map, "access", "lifetime")
        }
        lifetime.refresh = try duration(map, "refresh", "lifetime")
        lifetime.refreshKind =
            try map["refresh_kind"]?.choice("lifetime.refresh_kind", of: Lifetime.RefreshKind.self) ?? .unknown
        lifetime.refreshIdle = try duration(map, "refresh_idle", "lifetime")
        lifetime.refreshMax = try duration(map, "refresh_max", "lifetime")
        return lifetime
    }
}
