import Domain
import FoundationEssentials
import Postgres

/// How a destination stands after an attempt: its fault, its breaker, and the events people are told by.
extension Store {
    /// The first parking of the breaker; it doubles with each further failure.
    private static let breakerPark = Duration.seconds(5)
    private static let breakerParkMax = Duration.seconds(300)

    /// - Parameter reports: of attempts that ended together; one that was taken outweighs those that failed.
    func note(_ reports: [DeliveryReport], of destination: String, on connection: PostgresConnection) async throws {
        let failed = reports.filter { $0.end != .sent }
        if let dead = failed.first(where: { $0.end == .dead }) {
            try await noteFailure(dead, fault: dead.sentence, of: destination, on: connection)
        } else if let retried = failed.max(by: { $0.park ?? .zero < $1.park ?? .zero }) {
            try await noteFailure(retried, fault: nil, of: destination, on: connection)
        }
        if failed.count < reports.count { try await noteSuccess(of: destination, on: connection) }
    }

    func noteSuccess(of destination: String, on connection: PostgresConnection) async throws {
        try await connection.query(
            "WITH \(Self.success(of: "SELECT $1::text")) SELECT 1", [.text(destination)])
    }

    /// Parts of a WITH clause that end the faults of destinations and say so.
    ///
    /// - Parameter destinations: a query of ids.
    static func success(of destinations: String) -> String {
        """
        was AS (
          SELECT id, fault FROM destinations
           WHERE id IN (\(destinations)) AND (fault IS NOT NULL OR failures > 0)
           ORDER BY id COLLATE "C" FOR NO KEY UPDATE),
        sound AS (
          UPDATE destinations x SET fault = NULL, failures = 0,
                 parked_until = CASE WHEN x.failures >= \(DestinationSummary.breakerThreshold) THEN NULL
                                     ELSE x.parked_until END
            FROM was WHERE x.id = was.id RETURNING x.id, was.fault IS NOT NULL AS recovered),
        told AS (
          INSERT INTO event (kind, destination_id, reason)
          SELECT 'destination_recovered', id, '\(IncidentCause.destinationDegraded)' FROM sound WHERE recovered)
        """
    }

    /// - Parameter fault: a message is lost for good unless somebody acts; nil: it is tried again.
    private func noteFailure(
        _ report: DeliveryReport, fault: String?, of destination: String, on connection: PostgresConnection
    ) async throws {
        let row = try await connection.query(
            """
            UPDATE destinations x
               SET failures = x.failures + 1, fault = coalesce($2, x.fault),
                   parked_until = greatest(x.parked_until,
                       CASE WHEN $3::float8 IS NOT NULL THEN now() + make_interval(secs => $3) END,
                       CASE WHEN x.failures + 1 >= $4
                            THEN now() + make_interval(secs => least($6, $5 * 2.0 ^ least(x.failures + 1 - $4, 20))) END)
              FROM (SELECT id, fault FROM destinations WHERE id = $1 FOR NO KEY UPDATE) was
             WHERE x.id = was.id RETURNING was.fault IS NULL AS sound
            """,
            [
                .text(destination), fault.map { .text($0) } ?? .null, report.park.map { .float8($0.seconds) } ?? .null,
                .int4(Int32(DestinationSummary.breakerThreshold)), .float8(Self.breakerPark.seconds),
                .float8(Self.breakerParkMax.seconds),
            ]
        ).rows.first
        guard let fault, let row, try row.bool("sound") else { return }
        try await connection.query(
            """
            INSERT INTO event (kind, destination_id, reason, code, message)
            VALUES ('destination_degraded', $1, $2, $3, $4)
            """,
            [.text(destination), .text(IncidentCause.destinationDegraded), .text(report.code), .text(fault)])
    }
}
