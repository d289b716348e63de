package import Domain
package import Logging

/// Goes through everything that is kept for a time; the loop's job and the command do the same.
package struct Cleaner: Sendable {
    let store: any CleanupStore
    package let policy: CleanupPolicy
    let logger: Logger

    package init(store: any CleanupStore, policy: CleanupPolicy, logger: Logger) {
        self.store = store
        self.policy = policy
        self.logger = logger
    }

    /// - Parameters:
    ///   - dryRun: counts what would go; writes nothing.
    ///   - onStep: told each step as it is done.
    /// - Throws: what the store throws; steps before it are done.
    package func clean(
        dryRun: Bool, onStep: @Sendable (CleanupStep, Int) -> Void = { _, _ in }
    ) async throws -> CleanupReport {
        var report = CleanupReport()
        for step in CleanupStep.allCases {
            try Task.checkCancellation()
            let count =
                dryRun ? try await store.countForCleanup(step, policy) : try await store.clean(step, policy)
            report.counts[step] = count
            onStep(step, count)
        }
        var metadata: Logger.Metadata = ["event": "cleanup.completed", "dry_run": "\(dryRun)"]
        for step in CleanupStep.allCases { metadata[step.rawValue] = "\(report.counts[step] ?? 0)" }
        logger.info("cleanup completed", metadata: metadata)
        return report
    }
}
