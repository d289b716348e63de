package import Domain

/// Rows of the audit log and of a channel's history as tables.
extension AuditEntry {
    package static let columns = [
        "id", "at", "actor", "address", "requestId", "tenantId", "action", "subject", "detail",
    ]

    package var cells: [String] {
        [
            "\(id)", at.rfc3339, actor.name, actor.address ?? "", actor.requestID ?? "", change.tenantID ?? "",
            change.action, change.subject, change.detail ?? "",
        ]
    }
}

extension HistoryEntry {
    package static let columns = ["attempt", "at", "outcome", "actor", "code", "message", "providerRequestId"]

    package var cells: [String] {
        ["\(attempt)", at.rfc3339, outcome, actor, code ?? "", message ?? "", providerRequestID ?? ""]
    }
}
