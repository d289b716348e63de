package import Domain
import FoundationEssentials
import Jobs
import Logging
import Store

/// Schedules, statistics and cleanup, for the service and the command line.
extension Installation {
    package var schedules: any ScheduleStore { store }

    /// Makes the schedules of the settings what the settings say; replicas of another configuration do the same when
    /// they start, so the last one to start wins.
    func putConfiguredSchedules() async throws {
        try await store.putConfiguredSchedules(
            ConfiguredSchedules.all(
                sweeps: settings.limits.sweep, cleanup: settings.keeping.cleanup, now: Date()))
    }

    var cleanupPolicy: CleanupPolicy {
        let keeping = settings.keeping
        return CleanupPolicy(
            auditDays: keeping.auditDays,
            jobs: JobRetention(completed: keeping.jobsKeepCompleted, failed: keeping.jobsKeepFailed))
    }

    func cleaner(_ logger: Logger) -> Cleaner {
        Cleaner(store: store, policy: cleanupPolicy, logger: logger)
    }

    /// Removes what is kept no longer, or counts it.
    package func clean(
        dryRun: Bool, onStep: @escaping @Sendable (CleanupStep, Int) -> Void
    ) async throws -> CleanupReport {
        try await cleaner(LogOutput.logger(settings.log, quiet: true)).clean(dryRun: dryRun, onStep: onStep)
    }

    package func statistics(tenantID: String?) async throws -> RefreshStatistics {
        try await store.statistics(tenantID: tenantID)
    }

    /// Every row of the audit log that matches, newest first, page by page.
    package func auditEntries(_ query: AuditQuery, _ row: (AuditEntry) async throws -> Void) async throws {
        var query = query
        query.limit = 500
        while true {
            let page = try await store.auditEntries(query)
            for entry in page { try await row(entry) }
            guard page.count == 500 else { return }
            query.before = page.last?.id
        }
    }
}
