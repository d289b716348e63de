import Domain
import FoundationEssentials
import Sealing
import Store

/// The key ring: there is one, and it opens what the database holds.
enum KeyCheck {
    /// The ring of the settings or of the data directory; nil when there is none yet.
    static func ring(_ settings: Settings) -> Result<KeyRing?, KeyRingError> {
        let path = settings.dataDirectory + "/keys"
        let text =
            settings.keys
            ?? FileManager.default.contents(atPath: path).map { Secret(String(decoding: $0, as: UTF8.self)) }
        guard let text else { return .success(nil) }
        do throws(KeyRingError) {
            return .success(try KeyRing(parsing: text))
        } catch {
            return .failure(error)
        }
    }

    static func findings(ring: Result<KeyRing?, KeyRingError>, keys: [Examination.Key]) -> [Finding] {
        let used = keys.filter { $0.credentials > 0 }
        switch ring {
        case .failure(let error):
            return [
                .failed(
                    .keys, "The key ring cannot be read: \(error)",
                    "Mend TOKENWARD_KEYS or the file `keys` of the data directory.")
            ]
        case .success(nil) where keys.isEmpty:
            return [
                .warning(
                    .keys, "There is no key ring yet.",
                    "Set TOKENWARD_KEYS, or let the first `tokenward serve` generate one and keep a copy of its file `keys`."
                )
            ]
        case .success(nil):
            return [
                .failed(
                    .keys, "The database knows keys (\(names(keys))), but there is no key ring here.",
                    "Set TOKENWARD_KEYS, or put the old file back as `keys` into the data directory.")
            ]
        case .success(let ring?):
            var findings: [Finding] = []
            for key in keys where ring.kids.contains(key.kid) && !ring.opens(checkValue: key.checkValue, kid: key.kid) {
                findings.append(
                    .failed(
                        .keys, "The key `\(key.kid)` is not the one the database was sealed with.",
                        "Restore the old key, or give the new one another id."))
            }
            for key in used where !ring.kids.contains(key.kid) {
                findings.append(
                    .failed(
                        .keys,
                        "\(key.credentials) channels are sealed with the key `\(key.kid)`, which the ring lacks.",
                        "Add that key behind the first one of TOKENWARD_KEYS."))
            }
            guard findings.isEmpty else { return findings }
            let counts = used.map { "`\($0.kid)` seals \($0.credentials)" }.joined(separator: ", ")
            return [
                .ok(
                    .keys,
                    "The ring (\(ring.kids.joined(separator: ", "))) opens what the database holds\(counts.isEmpty ? "" : "; \(counts)")."
                )
            ]
        }
    }

    private static func names(_ keys: [Examination.Key]) -> String { keys.map(\.kid).joined(separator: ", ") }
}
