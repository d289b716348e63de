import Domain
import FoundationEssentials
import Sealing
import Store

/// Where the key ring comes from: the settings, or a file of the data directory that is made once.
struct KeyRingSource {
    let settings: Settings

    private var path: String { settings.dataDirectory + "/keys" }

    /// - Throws: ``StartError`` of kind misconfigured.
    func ring(checks: KeyChecks) async throws -> KeyRing {
        if let text = settings.keys { return try parse(text, from: "TOKENWARD_KEYS") }
        if let data = FileManager.default.contents(atPath: path) {
            return try parse(Secret(String(decoding: data, as: UTF8.self)), from: path)
        }
        // A new ring would lock out everything that an older one sealed.
        guard try await checks.isEmpty() else {
            throw StartError(
                .misconfigured,
                "The database holds sealed channels, but there is no key ring: set TOKENWARD_KEYS, or put the old file back at \(path)."
            )
        }
        let (ring, text) = KeyRing.generated()
        do {
            try SecretFile.create(path, text.reveal() + "\n")
        } catch {
            throw StartError(.failed, "The generated key ring cannot be written to \(path): \(error)")
        }
        return ring
    }

    /// Puts a new random key first into the generated ring's file.
    ///
    /// - Returns: the new key's id.
    /// - Throws: ``StartError``.
    func addKey() throws -> String {
        guard settings.keys == nil, let data = FileManager.default.contents(atPath: path) else {
            throw StartError(
                .misconfigured,
                "The ring stands in TOKENWARD_KEYS and is yours to change: put a new key (`k2:` and the output of `openssl rand -base64 32`) first, everywhere, and run `tokenward keys rotate`."
            )
        }
        let (ring, text) = KeyRing.generated()
        let old = String(decoding: data, as: UTF8.self)
        _ = try parse(Secret(old), from: path)
        do {
            try SecretFile.replace(path, text.reveal() + "\n" + old)
        } catch {
            throw StartError(.failed, "The key ring cannot be written to \(path): \(error)")
        }
        return ring.sealingKid
    }

    private func parse(_ text: Secret, from place: String) throws -> KeyRing {
        do {
            return try KeyRing(parsing: text)
        } catch {
            throw StartError(.misconfigured, "\(place) is not a key ring: \(error)")
        }
    }
}
