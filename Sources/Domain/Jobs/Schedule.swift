package import FoundationEssentials

/// When a schedule comes, as it is written down; `Scheduling` reads it.
package enum ScheduleTime: Sendable, Equatable {
    /// Whole seconds, at least one.
    case every(Duration)
    /// Five fields on the wall of a time zone (IANA).
    case cron(String, timeZone: String)
}

/// A schedule that is to be.
package struct NewSchedule: Sendable, Equatable {
    package var id: String
    package var work: JobWork
    package var tenantID: String?
    package var time: ScheduleTime
    /// From which runs of an interval are counted.
    package var anchorAt: Date
    /// Nil: never.
    package var nextAt: Date?

    package init(
        id: String, work: JobWork, tenantID: String?, time: ScheduleTime, anchorAt: Date, nextAt: Date?
    ) {
        self.id = id
        self.work = work
        self.tenantID = tenantID
        self.time = time
        self.anchorAt = anchorAt
        self.nextAt = nextAt
    }

    /// A new id: `sch_` and 20 random characters.
    package static func generatedID() -> String { "sch_" + ChannelID.generated().rawValue.dropFirst(3) }
}

/// Work that comes again: each time, its slot, becomes one job.
package struct Schedule: Sendable, Equatable {
    /// Of one tenant, or of all superadmins together.
    package static let perTenantMax = 100

    package var id: String
    package var work: JobWork
    /// Nil: a superadmin's.
    package var tenantID: String?
    package var time: ScheduleTime
    package var anchorAt: Date
    package var nextAt: Date?
    package var lastAt: Date?
    package var lastJobID: String?
    /// Slots that became jobs.
    package var runs: Int
    /// Slots that were passed over because the job before was not finished.
    package var skipped: Int
    package var actor: String
    /// The settings', which come back at the next start; they cannot be removed.
    package var isSetting: Bool
    package var createdAt: Date
    /// Grows with every slot: the fence of who takes it.
    package var turn: Int64

    package init(
        id: String, work: JobWork, tenantID: String?, time: ScheduleTime, anchorAt: Date, nextAt: Date?, lastAt: Date?,
        lastJobID: String?, runs: Int, skipped: Int, actor: String, isSetting: Bool, createdAt: Date, turn: Int64
    ) {
        self.id = id
        self.work = work
        self.tenantID = tenantID
        self.time = time
        self.anchorAt = anchorAt
        self.nextAt = nextAt
        self.lastAt = lastAt
        self.lastJobID = lastJobID
        self.runs = runs
        self.skipped = skipped
        self.actor = actor
        self.isSetting = isSetting
        self.createdAt = createdAt
        self.turn = turn
    }
}

/// What has come, and what comes next.
package struct DueSchedules: Sendable {
    /// Those whose time has come, the longest overdue first.
    package var due: [Schedule]
    /// When the next one comes that is not due yet.
    package var next: Date?
    package var databaseTime: Date

    package init(due: [Schedule], next: Date?, databaseTime: Date) {
        self.due = due
        self.next = next
        self.databaseTime = databaseTime
    }
}

/// What became of a slot.
package enum SlotEnd: Sendable, Equatable {
    case started(jobID: String)
    /// The job before is not finished.
    case skipped
    /// Another replica took it, or the schedule is gone.
    case lost
}

package enum ScheduleRemoval: Sendable, Equatable {
    case removed
    case unknown
    case ofSettings
}

/// Durable schedules; a `tenantID` limits every answer to that tenant's.
package protocol ScheduleStore: Sendable {
    /// False: the tenant has ``Schedule/perTenantMax`` of them already.
    func insertSchedule(_ schedule: NewSchedule, actor: AuditActor) async throws -> Bool
    func schedule(_ id: String, tenantID: String?) async throws -> Schedule?
    /// In order of id, after `cursor`; at most `limit` (1…501).
    func schedules(tenantID: String?, after cursor: String?, limit: Int) async throws -> [Schedule]
    /// What was queued already is done; nothing more is queued.
    func removeSchedule(_ id: String, tenantID: String?, actor: AuditActor) async throws -> ScheduleRemoval
    /// How many there were.
    func removeSchedules(ofTenant tenantID: String, actor: AuditActor) async throws -> Int
    /// Makes the settings' schedules these: new ones are added, others removed, those that are there go on as they are.
    func putConfiguredSchedules(_ schedules: [NewSchedule]) async throws
    func dueSchedules(limit: Int) async throws -> DueSchedules
    /// Takes a slot: moves the schedule to `next` in the transaction that inserts the slot's job.
    func takeSlot(of schedule: Schedule, next: Date?) async throws -> SlotEnd
}
