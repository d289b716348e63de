package import Domain
import Journal
import Sealing
import Store

/// The life of keys: added, made first, used to seal everything again, retired (PROTOCOL §10).
extension Installation {
    /// What sealing everything again came to.
    package struct Resealed: Sendable {
        package var kid: String
        package var channels = 0
        package var destinations = 0
        /// Neither opened nor changed.
        package var unreadable = 0
    }

    /// The key ring's ids and what of the database is sealed with each.
    package func keyStatus() async throws -> [KeyUse] { try await store.keyUses(ring: ring.kids) }

    /// Puts a new key first into the generated ring.
    ///
    /// - Returns: its id.
    /// - Throws: ``StartError`` while a service runs, which could not open what the new key seals.
    package func addKey() async throws -> String {
        guard try await store.liveReplicas() == 0 else {
            throw StartError(
                .failed, "A service is running with the old ring: stop it, wait two minutes, and start it afterwards.")
        }
        return try KeyRingSource(settings: settings).addKey()
    }

    /// Seals everything again with the first key.
    ///
    /// - Parameter progress: called after each batch with the number of channels so far.
    /// - Throws: ``StartError`` when a running replica lacks that key.
    package func reseal(progress: (Int) -> Void) async throws -> Resealed {
        let lacking = try await store.replicasWithoutSealingKey()
        guard lacking == 0 else {
            throw StartError(
                .failed,
                "\(lacking) running replicas lack the key `\(ring.sealingKid)`, so they could not open what it seals: give them the new ring first."
            )
        }
        var end = Resealed(kid: ring.sealingKid)
        // Rows that were locked in a round are found by the next; a round that seals nothing is the last.
        var found = 0
        repeat {
            found = 0
            end.unreadable = 0
            var last: ChannelID?
            var isLast = false
            while !isLast {
                let batch = try await store.resealCredentials(after: last)
                found += batch.resealed
                end.unreadable += batch.unreadable
                (last, isLast) = (batch.last, batch.isLast)
                progress(end.channels + found)
            }
            end.channels += found
        } while found > 0
        let destinations = try await store.resealDestinations()
        end.destinations = destinations.resealed
        end.unreadable += destinations.unreadable
        return end
    }

    /// - Throws: `KeyRetirementError`.
    package func retireKey(_ kid: String) async throws {
        try await store.retireKey(
            kid, journalRetention: JournalConfiguration().retention, actor: AuditActor(name: "command line"))
    }
}
