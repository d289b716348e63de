import Domain
import FoundationEssentials

extension MemoryStore: RefreshStore {
    func claimDue(provider: String, lease: Duration, limit: Int, excludingApps: [String]) async throws -> ClaimBatch {
        let sentAt = clock.now
        return try await perform(.claimDue) { state, now in
            let due = state.rows.values.filter {
                $0.provider == provider && $0.dueAt.map { $0 <= now } ?? false && $0.leaseUntil == nil
                    && !excludingApps.contains($0.appID)
            }
            .sorted { ($0.dueAt ?? now, $0.id) < ($1.dueAt ?? now, $1.id) }.prefix(limit).map(\.id)
            if !due.isEmpty { state.claimSizes.append(due.count) }
            return Self.take(due, in: &state, now: now, sentAt: sentAt) { $0.leaseUntil = now + lease }
        }
    }

    func claim(channels: [ChannelID], leases: [String: Duration]) async throws -> ClaimBatch {
        let sentAt = clock.now
        return try await perform(.claim) { state, now in
            let free = channels.filter { id in
                state.rows[id].map { $0.leaseUntil == nil && ($0.status == .active || $0.status == .warning) } ?? false
            }
            return Self.take(free, in: &state, now: now, sentAt: sentAt) { row in
                row.leaseUntil = now + (leases[row.provider] ?? .seconds(120))
                row.dueAt = min(row.dueAt ?? now, now)
            }
        }
    }

    /// All that have channels: a takeover itself looks at the leases.
    func orphaned(among providers: [String]) async throws -> [String] {
        providers.filter { hasChannels(of: $0) }
    }

    func takeOver(provider: String, lease: Duration, free: Bool, limit: Int) async throws -> ClaimBatch {
        let sentAt = clock.now
        return try await perform(.takeOver, writesRows: hasChannels(of: provider)) { state, now in
            guard hasChannels(of: provider) else { return ClaimBatch(claims: [], sentAt: sentAt, databaseTime: now) }
            let orphans = state.rows.values.filter {
                $0.provider == provider && $0.dueAt.map { $0 <= now } ?? false
                    && $0.leaseUntil.map { $0 < now } ?? false
            }
            .sorted { $0.id < $1.id }.prefix(limit).map(\.id)
            return Self.take(orphans, in: &state, now: now, sentAt: sentAt) { row in
                row.leaseUntil = now + lease
                row.doubt = row.doubt || !free
            }
        }
    }

    private static func take(
        _ ids: [ChannelID], in state: inout State, now: Date, sentAt: ContinuousClock.Instant,
        _ change: (inout Row) -> Void
    ) -> ClaimBatch {
        var claims: [Claim] = []
        for id in ids {
            guard var row = state.rows[id] else { continue }
            row.attempt = max(row.attempt + 1, microseconds(now))
            change(&row)
            state.rows[id] = row
            claims.append(
                Claim(
                    key: ClaimKey(channelID: id, attempt: row.attempt), tenantID: row.tenantID, provider: row.provider,
                    appID: row.appID, grantID: row.grantID, base: row.written, doubt: row.doubt, fails: row.fails,
                    denials: row.denials, status: row.status, reason: row.reason, accessExpiresAt: row.accessExpiresAt,
                    refreshExpiresAt: row.refreshExpiresAt, accessIssuedAt: row.accessIssuedAt,
                    lastRefreshAt: row.lastRefreshAt, dueAt: row.dueAt,
                    credential: row.credentialFault.map { .failure($0) } ?? .success(row.credential)))
        }
        return ClaimBatch(claims: claims, sentAt: sentAt, databaseTime: now)
    }

    func complete(_ successes: [StoredSuccess]) async throws -> [CompletionResult] {
        let refusals = successes.map { refusal(of: $0) }
        return try await perform(.storeSuccesses) { state, now in
            state.batchSizes.append(successes.count)
            if Set(successes.map(\.key.channelID)).count != successes.count {
                state.violations.append("a channel is twice in a batch")
            }
            return zip(successes, refusals).map { success, refusal in
                refusal.map { .refused($0) } ?? Self.store(success, in: &state, now: now)
            }
        }
    }

    private static func store(_ success: StoredSuccess, in state: inout State, now: Date) -> CompletionResult {
        let key = success.key
        guard var row = state.rows[key.channelID], row.grantID == success.grantID, row.written < key.attempt,
            row.status != .disconnected
        else {
            if state.rows[key.channelID]?.written == key.attempt { return .stored }
            state.audit.insert(AuditKey(key: key, outcome: Outcome.superseded.rawValue))
            return .superseded
        }
        let isNewest = row.attempt <= key.attempt
        let clears =
            row.status == .warning && isNewest && success.outcome == .renewed && row.reason?.clearedByRenewal ?? false
        let warns =
            isNewest && success.outcome == .notExtended
            && (row.status == .active || row.status == .warning && row.reason == .refreshFailing)
        if clears {
            state.events.append(Event(channelID: row.id, kind: "recovered", reason: row.reason?.rawValue))
            (row.status, row.reason) = (.active, nil)
        }
        if warns {
            state.events.append(Event(channelID: row.id, kind: "warning", reason: "not_extended"))
            (row.status, row.reason) = (.warning, .notExtended)
        }
        row.written = key.attempt
        row.attempt = max(row.attempt, key.attempt)
        row.doubt = !isNewest || success.doubt
        (row.fails, row.denials) = (0, 0)
        if isNewest { row.leaseUntil = nil }
        row.dueAt = row.status == .paused ? nil : isNewest ? success.dueAt : now
        row.credential = success.credential
        row.epoch += 1
        (row.accessIssuedAt, row.accessExpiresAt) = (success.accessIssuedAt, success.accessExpiresAt)
        if !success.keepsRefreshExpiry {
            (row.refreshExpiresAt, row.humanDeadlineAt) = (success.refreshExpiresAt, success.humanDeadlineAt)
        }
        row.lastRefreshAt = max(row.lastRefreshAt ?? success.accessIssuedAt, success.accessIssuedAt)
        row.lastOutcome = success.outcome
        state.rows[row.id] = row
        if !state.audit.insert(AuditKey(key: key, outcome: success.outcome.rawValue)).inserted {
            state.violations.append("I7 a success was stored twice")
        }
        return .stored
    }

    func complete(_ failures: [StoredFailure]) async throws -> [CompletionResult] {
        try await perform(.storeFailures) { state, _ in
            state.batchSizes.append(failures.count)
            return failures.map { Self.store($0, in: &state) }
        }
    }

    private static func store(_ failure: StoredFailure, in state: inout State) -> CompletionResult {
        let key = failure.key
        guard var row = state.rows[key.channelID], row.attempt == key.attempt, row.written == failure.base, row.isHeld,
            row.status != .disconnected
        else {
            let isMine = state.audit.contains { $0.key == key && $0.outcome != Outcome.superseded.rawValue }
            if isMine { return .stored }
            state.audit.insert(AuditKey(key: key, outcome: Outcome.superseded.rawValue))
            return .superseded
        }
        row.leaseUntil = nil
        row.dueAt = row.status == .paused ? nil : failure.dueAt
        (row.doubt, row.fails, row.denials) = (failure.doubt, failure.fails, failure.denials)
        if let warning = failure.warning, row.status == .active || row.status == .warning && row.reason != warning {
            (row.status, row.reason) = (.warning, warning)
            state.events.append(Event(channelID: row.id, kind: "warning", reason: warning.rawValue))
        }
        (row.lastOutcome, row.lastCode) = (failure.outcome, failure.code)
        state.rows[row.id] = row
        state.audit.insert(AuditKey(key: key, outcome: failure.outcome.rawValue))
        return .stored
    }

    func release(_ claims: [(key: ClaimKey, dueAt: Date?)]) async throws {
        try await perform(.release) { state, _ in
            for (key, dueAt) in claims {
                guard var row = state.rows[key.channelID], row.attempt == key.attempt, row.isHeld else { continue }
                row.leaseUntil = nil
                row.dueAt = row.status == .paused || row.status == .disconnected ? nil : dueAt
                state.rows[row.id] = row
            }
        }
    }

    func due(providers: [String], excludingApps: [String]) async throws -> DueProviders {
        try await perform(.due, writesRows: false) { state, now in
            var answer = DueProviders(due: [], next: nil, databaseTime: now)
            for provider in providers where hasChannels(of: provider) {
                let soonest = state.rows.values.filter {
                    $0.provider == provider && $0.leaseUntil == nil && !excludingApps.contains($0.appID)
                }.compactMap(\.dueAt).min()
                guard let soonest else { continue }
                if soonest <= now {
                    answer.due.append(provider)
                } else {
                    answer.next = min(answer.next ?? soonest, soonest)
                }
            }
            return answer
        }
    }

    func snapshots(of channels: [ChannelID]) async throws -> [ChannelSnapshot] {
        try await perform(.snapshots, writesRows: false) { state, now in
            channels.compactMap { state.rows[$0] }.map { row in
                ChannelSnapshot(
                    id: row.id, tenantID: row.tenantID, provider: row.provider, appID: row.appID, status: row.status,
                    reason: row.reason, isHeld: row.isHeld, dueAt: row.dueAt, attempt: row.attempt,
                    written: row.written, doubt: row.doubt, fails: row.fails, denials: row.denials, epoch: row.epoch,
                    accessIssuedAt: row.accessIssuedAt, accessExpiresAt: row.accessExpiresAt,
                    lastRefreshAt: row.lastRefreshAt, databaseTime: now)
            }
        }
    }

    func fences(of channels: [ChannelID]) async throws -> [ChannelID: ChannelFence] {
        try await perform(.snapshots, writesRows: false) { state, _ in
            state.rows.filter { channels.contains($0.key) }.mapValues {
                ChannelFence(grantID: $0.grantID, attempt: $0.attempt, written: $0.written, status: $0.status)
            }
        }
    }

    func complete(_ inspections: [StoredInspection]) async throws -> [CompletionResult] {
        try await perform(.storeInspections) { state, _ in
            inspections.map { inspection in
                let key = inspection.key
                guard var row = state.rows[key.channelID], row.attempt == key.attempt, row.written == inspection.base,
                    row.isHeld, row.status != .disconnected
                else { return state.audit.contains { $0.key == key } ? .stored : .superseded }
                row.leaseUntil = nil
                row.dueAt = row.status == .paused ? nil : inspection.dueAt
                (row.accessExpiresAt, row.humanDeadlineAt) = (inspection.accessExpiresAt, inspection.humanDeadlineAt)
                state.rows[row.id] = row
                state.audit.insert(AuditKey(key: key, outcome: Outcome.notDue.rawValue))
                return .stored
            }
        }
    }

    func setApp(_ appID: String, state new: AppState, reason: String, channel: ChannelID?) async throws {
        try await perform(.apps) { state, now in
            let was = state.apps[appID]?.standing.state ?? .ok
            guard was != new else { return }
            var app = state.apps[appID] ?? AppRow(standing: AppStanding(state: .ok, since: now))
            (app.standing.state, app.standing.since) = (new, now)
            app.standing.probeAt = new == .paused ? now + 600 : now
            app.reason = reason
            state.apps[appID] = app
            let ends: [AppState: String] = [.paused: "app_recovered", .degraded: "provider_recovered"]
            let begins: [AppState: String] = [.paused: "app_rejected", .degraded: "provider_degraded"]
            for kind in [ends[was], begins[new]].compactMap({ $0 }) {
                state.events.append(Event(appID: appID, kind: kind, reason: reason))
            }
        }
    }

    func tenants(of appID: String) async throws -> Int {
        try await perform(.apps) { state, _ in
            min(
                Set(state.rows.values.filter { $0.appID == appID && $0.status != .disconnected }.map(\.tenantID)).count,
                2)
        }
    }

    func holdVerdicts(of appID: String, canariesAfter wait: Duration, channel: ChannelID) async throws {
        try await perform(.apps) { state, now in
            var app = state.apps[appID] ?? AppRow(standing: AppStanding(state: .ok, since: now))
            guard app.standing.heldSince == nil, app.standing.releasedAt.map({ $0 < now - 3600 }) ?? true else {
                return
            }
            app.standing.heldSince = now
            app.holdTurnAt = now + wait
            state.apps[appID] = app
            state.events.append(Event(appID: appID, kind: "app_rejected", reason: "grants_denied"))
        }
    }

    func takeHoldTurn(of appID: String, every interval: Duration, atMost limit: Duration) async throws -> HoldTurn {
        try await perform(.apps) { state, now in
            guard var app = state.apps[appID], let since = app.standing.heldSince, let turnAt = app.holdTurnAt,
                turnAt <= now
            else { return .none }
            app.holdTurnAt = min(now + interval, max(since + limit, now))
            state.apps[appID] = app
            if since + limit <= now { return .overdue }
            let denied = state.rows.values.filter {
                $0.appID == appID && $0.denials > 0 && !$0.isHeld && $0.dueAt != nil
            }
            let byTenant = Dictionary(grouping: denied, by: \.tenantID)
            return .canaries(byTenant.values.compactMap { $0.min { $0.id < $1.id }?.id }.sorted())
        }
    }

    func releaseVerdicts(of appID: String, because sentence: String) async throws {
        try await perform(.apps) { state, now in
            guard state.apps[appID]?.standing.heldSince != nil else { return }
            state.apps[appID]?.standing.heldSince = nil
            state.apps[appID]?.standing.releasedAt = now
            state.events.append(Event(appID: appID, kind: "app_recovered", reason: "grants_denied"))
            for row in state.rows.values where row.appID == appID && row.denials > 0 && !row.isHeld {
                guard let dueAt = row.dueAt, row.status != .paused, row.status != .disconnected else { continue }
                state.rows[row.id]?.dueAt = min(dueAt, now + 5)
            }
        }
    }

    func takeProbe(of appID: String, every interval: Duration, excluding: ChannelID?) async throws -> ChannelID? {
        try await perform(.apps) { state, now in
            guard var app = state.apps[appID], app.standing.state == .suspect || app.standing.state == .paused,
                app.standing.probeAt.map({ $0 <= now }) ?? false
            else { return nil }
            app.standing.probeAt = now + interval
            state.apps[appID] = app
            let tenant = excluding.flatMap { state.rows[$0]?.tenantID }
            func rank(_ row: Row) -> (Int, Int, Double) {
                (
                    row.id == excluding ? 1 : 0, row.tenantID == tenant ? 1 : 0,
                    -(row.lastRefreshAt?.timeIntervalSince1970 ?? 0)
                )
            }
            return state.rows.values.filter {
                $0.appID == appID && !$0.isHeld && $0.dueAt != nil && ($0.status == .active || $0.status == .warning)
            }
            .min { rank($0) < rank($1) }?.id
        }
    }

    func troubledApps() async throws -> [String: AppStanding] {
        try await perform(.apps) { state, now in
            state.apps.mapValues(\.standing).filter {
                $0.value.state != .ok || $0.value.heldSince != nil
                    || $0.value.releasedAt.map { $0 > now - 3600 } ?? false
            }
        }
    }
}

func + (date: Date, duration: Duration) -> Date { date.addingTimeInterval(duration.seconds) }
