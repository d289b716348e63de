import Domain

/// What probes and monitoring ask; answered from memory, the first four also without the router.
struct ProbeRoutes: Sendable {
    let health: HealthBoard
    let metrics: Metrics

    func register(on router: inout Router) {
        for (path, id) in [("/healthz", "checkHealth"), ("/livez", "checkLife")] {
            router.on(
                "GET", path,
                Operation(
                    id, "Whether every loop is alive.", tag: "probes", access: .anyone,
                    query: [.query("verbose", .string(), "Lists the checks.")],
                    answers: [.text("All are."), .text(status: 503, "One is not.")])
            ) { request, _ in health.liveness(verbose: request.parameter("verbose") != nil) }
        }
        router.on(
            "GET", "/readyz",
            Operation(
                "checkReadiness", "Whether requests can be served.", tag: "probes", access: .anyone,
                answers: [.text("They can."), .text(status: 503, "They cannot.")])
        ) { _, _ in health.readiness() }
        router.on(
            "GET", "/metrics",
            Operation(
                "showMetrics", "Metrics in Prometheus's text format.", tag: "probes", access: .anyone,
                answers: [.text(type: "text/plain", "The metrics.")])
        ) { _, _ in .text(MetricsText.render(metrics.snapshot()), type: MetricsText.contentType) }
        router.on(
            "GET", "/status",
            Operation(
                "showStatus", "How things stand; with a token that may, by provider.", tag: "probes", access: .anyone,
                answers: [.json(.status)])
        ) { request, _ in .json(health.status(for: request.caller)) }
    }
}

extension Schema {
    /// DESIGN §3.5 `/status`.
    package static let status = object(
        [
            "healthy": boolean(), "timestamp": time, "version": string(),
            "channels": object([
                "total": integer(), "active": integer(), "warning": integer(), "paused": integer(),
                "disconnected": integer(), "overdue": integer(),
            ]),
            "providers": map(
                of: object([
                    "channels": integer(), "warning": integer(), "isValid": boolean(), "expiresAt": time.orNull,
                    "daysUntilExpire": integer().orNull, "hoursUntilExpire": integer().orNull,
                ])),
            "scheduler": object([
                "running": boolean(), "lastRunAt": time.orNull, "nextDueAt": time.orNull, "inFlight": integer(),
            ]),
            "incidents": object(["open": integer()]),
            "deliveries": object(["pending": integer(), "dead": integer()]),
        ], optional: ["providers"]
    ).named("Status")
}
