import Domain
import FoundationEssentials
import Sealing

/// The first superadmin's bearer token: from the settings, or generated beside an embedded database.
struct AdminToken {
    let settings: Settings
    let tokens: any APITokenDirectory

    /// Records the token; the path of the file that holds a generated one.
    ///
    /// - Throws: ``StartError`` of kind misconfigured when the database knows no superadmin and none is given.
    func establish() async throws -> String? {
        if let token = settings.adminToken {
            try await record(token)
            return nil
        }
        let path = settings.dataDirectory + "/admin-token"
        if settings.databaseURL != nil {
            guard try await tokens.hasSuperadmin() else {
                throw StartError(
                    .misconfigured,
                    "The database knows no superadmin yet: set TOKENWARD_ADMIN_TOKEN (at least 20 random characters) for the first start."
                )
            }
            return nil
        }
        if let data = FileManager.default.contents(atPath: path) {
            let text = String(decoding: data, as: UTF8.self)
            try await record(Secret(text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""))
            return path
        }
        let token = Secret("twa_" + (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined())
        do {
            try SecretFile.create(path, token.reveal() + "\n")
        } catch {
            throw StartError(.failed, "The generated admin token cannot be kept: \(error)")
        }
        try await record(token)
        return path
    }

    private func record(_ token: Secret) async throws {
        guard token.reveal().utf8.count >= 16 else {
            throw StartError(.misconfigured, "TOKENWARD_ADMIN_TOKEN is too short: use at least 20 random characters.")
        }
        let digest = TokenDigest.of(token)
        let id = "tok_" + digest.prefix(8).map { String($0, radix: 16) }.joined()
        try await tokens.insertToken(
            id: id, name: "admin", digest: digest, role: "superadmin", expiresAt: nil,
            actor: "environment")
    }
}
