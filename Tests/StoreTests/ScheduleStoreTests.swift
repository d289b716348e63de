import Domain
import FoundationEssentials
import Store
import TestSupport
import Testing

/// Schedules in the database: every slot once, over any number of replicas.
@Suite("Schedules in the store", .timeLimit(.minutes(2)))
struct ScheduleStoreTests {
    private func new(
        _ id: String, tenant: String? = "acme", next: Date? = Date() - 5, work: JobWork? = nil,
        time: ScheduleTime = .every(.seconds(60))
    ) -> NewSchedule {
        NewSchedule(
            id: id, work: work ?? .refresh(RefreshOrder(tenantID: tenant)), tenantID: tenant, time: time,
            anchorAt: Date() - 65, nextAt: next)
    }

    @Test func `a schedule is kept as it was made, and is its tenant's only`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            let cron = ScheduleTime.cron("30 2 * * mon", timeZone: "Europe/Madrid")
            #expect(try await store.insertSchedule(new("a", time: cron), actor: "test"))
            #expect(try await store.insertSchedule(new("b", tenant: "other", next: nil), actor: "test"))
            #expect(try await store.insertSchedule(new("c", tenant: nil, work: .sweep), actor: "test"))
            let made = try #require(try await store.schedule("a", tenantID: "acme"))
            #expect(made.time == cron && made.work == .refresh(RefreshOrder(tenantID: "acme")) && made.actor == "test")
            #expect(made.runs == 0 && made.skipped == 0 && !made.isSetting && made.lastAt == nil)
            #expect(try await store.schedule("a", tenantID: "other") == nil)
            #expect(try await store.schedules(tenantID: nil, after: nil, limit: 10).map(\.id) == ["a", "b", "c"])
            #expect(try await store.schedules(tenantID: nil, after: "a", limit: 1).map(\.id) == ["b"])
            #expect(try await store.schedules(tenantID: "other", after: nil, limit: 10).map(\.id) == ["b"])
            #expect(try await store.removeSchedule("a", tenantID: "other", actor: "test") == .unknown)
            #expect(try await store.removeSchedule("a", tenantID: "acme", actor: "test") == .removed)
            #expect(try await store.removeSchedule("a", tenantID: nil, actor: "test") == .unknown)
            #expect(try await store.removeSchedules(ofTenant: "nobody", actor: "test") == 0)
            #expect(try await store.removeSchedules(ofTenant: "other", actor: "test") == 1)
            let actions = try await store.auditEntries(AuditQuery(tenantID: "acme")).map(\.change.action)
            #expect(actions == ["schedule.removed", "schedule.created"])
        }
    }

    @Test func `a tenant's schedules are bounded`() async throws {
        try await StoreFixture.with { fixture in
            for n in 0..<Schedule.perTenantMax {
                let isAdded = try await fixture.store.insertSchedule(new("s\(n)"), actor: "test")
                #expect(isAdded)
            }
            #expect(try await fixture.store.insertSchedule(new("more"), actor: "test") == false)
            #expect(try await fixture.store.insertSchedule(new("theirs", tenant: "other"), actor: "test"))
        }
    }

    @Test func `replicas that see the same slot make one job of it`() async throws {
        try await StoreFixture.with(size: 8) { fixture in
            let store = fixture.store
            let other = Store(pool: store.pool, ring: store.ring)
            for n in 0..<20 { _ = try await store.insertSchedule(new("s\(n)"), actor: "test") }
            let looks = [try await store.dueSchedules(limit: 50), try await other.dueSchedules(limit: 50)]
            #expect(looks.allSatisfy { $0.due.count == 20 })
            let next = Date() + 60
            let ends = try await withThrowingTaskGroup(of: [SlotEnd].self) { group in
                for (store, look) in zip([store, other, store, other], looks + looks) {
                    group.addTask {
                        var ends: [SlotEnd] = []
                        for schedule in look.due { ends.append(try await store.takeSlot(of: schedule, next: next)) }
                        return ends
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let started = ends.count { if case .started = $0 { true } else { false } }
            #expect(started == 20 && ends.count == 80)
            #expect(try await fixture.count("jobs") == 20)
            #expect(try await fixture.count("schedules WHERE runs = 1 AND turn = 1 AND last_job_id IS NOT NULL") == 20)
            let look = try await store.dueSchedules(limit: 50)
            #expect(look.due.isEmpty)
            let ahead = try #require(look.next).timeIntervalSince(next)
            #expect(abs(ahead) < 0.001)
        }
    }

    @Test func `a slot is passed over and counted while the job before is not finished`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            _ = try await store.insertSchedule(new("s"), actor: "test")
            func slot() async throws -> SlotEnd {
                _ = try await fixture.row("UPDATE schedules SET next_at = now() RETURNING 1 AS n")
                let due = try #require(try await store.dueSchedules(limit: 1).due.first)
                return try await store.takeSlot(of: due, next: Date() + 60)
            }
            guard case .started(let job) = try await slot() else { Issue.record("not started"); return }
            #expect(try await slot() == .skipped)
            let claim = try #require(try await store.claimJob(lease: .seconds(60)))
            #expect(claim.jobID == job && claim.actor == "scheduler" && claim.tenantID == "acme")
            #expect(try await slot() == .skipped)
            try await store.finishJob(claim, cleanup: nil)
            guard case .started(let second) = try await slot() else { Issue.record("not started"); return }
            #expect(second != job)
            // A job that was removed long ago is finished.
            _ = try await fixture.row("DELETE FROM jobs RETURNING 1 AS n")
            guard case .started = try await slot() else { Issue.record("not started"); return }
            let schedule = try #require(try await store.schedule("s", tenantID: nil))
            #expect(schedule.runs == 3 && schedule.skipped == 2)
        }
    }

    @Test func `a slot of a schedule that is gone, or was moved on, is nobody's`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            _ = try await store.insertSchedule(new("s"), actor: "test")
            let due = try #require(try await store.dueSchedules(limit: 1).due.first)
            guard case .started = try await store.takeSlot(of: due, next: nil) else { Issue.record("no"); return }
            #expect(try await store.takeSlot(of: due, next: nil) == .lost)
            #expect(try await store.schedule("s", tenantID: nil)?.nextAt == nil)
            #expect(try await store.dueSchedules(limit: 1).due.isEmpty)
            _ = try await store.removeSchedule("s", tenantID: nil, actor: "test")
            #expect(try await store.takeSlot(of: due, next: nil) == .lost)
        }
    }

    @Test func `the settings' schedules follow the settings and go on where they were`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            _ = try await store.insertSchedule(new("mine", tenant: nil), actor: "test")
            let sweep = new("sweep:1800s", tenant: nil, work: .sweep)
            let cleanup = new("cleanup:x", tenant: nil, work: .cleanup(dryRun: false))
            // Two replicas at once.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try await store.putConfiguredSchedules([sweep, cleanup, sweep]) } }
                try await group.waitForAll()
            }
            let due = try #require(
                try await store.dueSchedules(limit: 10).due.first { $0.id == "sweep:1800s" })
            guard case .started = try await store.takeSlot(of: due, next: Date() + 1800) else {
                Issue.record("not started")
                return
            }
            try await store.putConfiguredSchedules([sweep])
            let kept = try await store.schedules(tenantID: nil, after: nil, limit: 10)
            #expect(kept.map(\.id) == ["mine", "sweep:1800s"] && kept.map(\.isSetting) == [false, true])
            #expect(kept.last?.runs == 1)
            #expect(try await store.removeSchedule("sweep:1800s", tenantID: nil, actor: "test") == .ofSettings)
        }
    }

    @Test func `a row that cannot be read stands before nobody`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.insertSchedule(new("good"), actor: "test")
            _ = try await fixture.row(
                """
                INSERT INTO schedules (id, kind, request, interval_seconds, anchor_at, next_at, actor)
                VALUES ('bad', 'dance', '{}', 60, now(), now() - interval '1 hour', 'test') RETURNING 1 AS n
                """)
            #expect(try await fixture.store.dueSchedules(limit: 1).due.isEmpty)
            #expect(try await fixture.store.dueSchedules(limit: 1).due.map(\.id) == ["good"])
        }
    }
}
