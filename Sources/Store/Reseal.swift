package import Domain
import FoundationEssentials
import Postgres
import Sealing

/// Sealing again with the first key what others sealed (PROTOCOL §10 "Re-seal"): epoch and attempt stay as they are.
extension Store: KeyDirectory {
    /// Rows of one transaction.
    private static let resealBatch = 200

    /// Seals again the credentials of the next channels that another key sealed; rows that somebody has locked are
    /// passed over and found by the next round.
    ///
    /// - Returns: how many were sealed again, and whether there may be more behind them.
    package func resealCredentials(after last: ChannelID?) async throws -> ResealedBatch {
        try await transaction { connection in
            let rows = try await connection.query(
                """
                SELECT s.channel_id, s.grant_id, k.tenant_id, k.written, k.kid, k.sealed
                  FROM credentials k JOIN schedule s USING (channel_id)
                 WHERE k.kid <> $1 AND k.channel_id > $2 ORDER BY k.channel_id LIMIT \(Self.resealBatch)
                   FOR NO KEY UPDATE OF s SKIP LOCKED
                """, [.text(ring.sealingKid), .text(last?.rawValue ?? "")]
            ).rows
            var batch = ResealedBatch(isLast: rows.count < Self.resealBatch)
            for row in rows {
                let id = ChannelID(rawValue: try row.text("channel_id"))
                batch.last = id
                let old = SealedValue(kid: try row.text("kid"), bytes: try row.bytea("sealed"))
                let context = context(
                    tenant: try row.text("tenant_id"), channel: id, grant: try row.int8("grant_id"),
                    written: try row.int8("written"))
                guard let plain = try? ring.open(old, in: context) else {
                    batch.unreadable += 1
                    continue
                }
                let new = try ring.seal(plain, in: context)
                try await connection.query(
                    """
                    UPDATE credentials SET kid = $2, sealed = $3 WHERE channel_id = $1 AND written = $4 AND kid = $5
                    """,
                    [.text(id.rawValue), .text(new.kid), .bytea(new.bytes), .int8(context.second), .text(old.kid)])
                batch.resealed += 1
            }
            return batch
        }
    }

    /// Seals again every destination's configuration that another key sealed; there are few.
    package func resealDestinations() async throws -> ResealedBatch {
        try await transaction { connection in
            let rows = try await connection.query(
                "SELECT id, tenant_id, revision, kid, sealed FROM destinations WHERE kid <> $1 ORDER BY id FOR UPDATE",
                [.text(ring.sealingKid)]
            ).rows
            var batch = ResealedBatch(isLast: true)
            for row in rows {
                let id = try row.text("id")
                let context = DestinationRow.context(
                    id: id, tenantID: try row.textOrNil("tenant_id"), revision: try row.int8("revision"))
                let old = SealedValue(kid: try row.text("kid"), bytes: try row.bytea("sealed"))
                guard let plain = try? ring.open(old, in: context) else {
                    batch.unreadable += 1
                    continue
                }
                let new = try ring.seal(plain, in: context)
                try await connection.query(
                    "UPDATE destinations SET kid = $2, sealed = $3 WHERE id = $1",
                    [.text(id), .text(new.kid), .bytea(new.bytes)])
                batch.resealed += 1
            }
            return batch
        }
    }

    /// Takes a key out of the database's list, when nothing needs it any more.
    ///
    /// - Throws: ``KeyRetirementError``.
    package func retireKey(_ kid: String, journalRetention: Duration, actor: AuditActor) async throws {
        try await transaction { connection in
            guard ring.sealingKid != kid else { throw KeyRetirementError.seals }
            let use = try await connection.query(
                """
                SELECT (SELECT count(*) FROM credentials WHERE kid = $1) AS channels,
                       (SELECT count(*) FROM destinations WHERE kid = $1 AND removed_at IS NULL) AS destinations,
                       (SELECT count(*) FROM authorizations WHERE kid = $1 AND sealed IS NOT NULL) AS authorizations,
                       (SELECT count(*) FROM replica WHERE open_entries > 0 AND $1 = ANY (kids)
                           AND seen_at < now() - interval '2 minutes') AS silent,
                       (SELECT sealed_at FROM keys WHERE kid = $1) AS sealed_at, now() AS now
                """, [.text(kid)]
            ).rows[0]
            let channels = Int(try use.int8("channels"))
            let others = Int(try use.int8("destinations") + use.int8("authorizations"))
            guard channels + others == 0 else {
                throw KeyRetirementError.used(channels: channels, others: others)
            }
            let silent = Int(try use.int8("silent"))
            guard silent == 0 else { throw KeyRetirementError.silentReplicas(silent) }
            if let sealedAt = try use.dateOrNil("sealed_at") {
                let free = sealedAt.addingTimeInterval(journalRetention.seconds)
                guard free <= (try use.date("now")) else { throw KeyRetirementError.journalled(until: free) }
            }
            let retired = try await connection.query("DELETE FROM keys WHERE kid = $1 RETURNING kid", [.text(kid)])
            guard !retired.rows.isEmpty else { throw KeyRetirementError.unknown }
            try await note(
                AuditChange(action: "key.retired", tenantID: nil, subject: kid), by: actor, on: connection)
        }
    }

    /// Replicas that were seen within two minutes.
    package func liveReplicas() async throws -> Int {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                "SELECT count(*) AS n FROM replica WHERE seen_at > now() - interval '2 minutes'")
        }
        return Int(try result.rows[0].int8("n"))
    }

    /// The replicas that were seen within two minutes and lack the key that seals here.
    package func replicasWithoutSealingKey() async throws -> Int {
        let result = try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT count(*) AS n FROM replica
                 WHERE seen_at > now() - interval '2 minutes' AND NOT ($1 = ANY (kids))
                """, [.text(ring.sealingKid)])
        }
        return Int(try result.rows[0].int8("n"))
    }
}
