import FoundationEssentials
import POSIX

/// The data directory: room, and nobody else's eyes.
struct DiskCheck {
    /// Two segments and some of the database.
    static let bytesNeeded: UInt64 = 256 << 20
    /// The journal alone may keep 2 GiB.
    static let bytesWished: UInt64 = 3 << 30

    struct Room: Sendable {
        var bytesFree: UInt64
        var isReadOnly: Bool
    }

    let directory: String
    /// Of the volume of a path; nil when it cannot be asked.
    var room: (String) -> Room? = { path in
        (try? Volume(of: path)).map { Room(bytesFree: $0.bytesFree, isReadOnly: $0.isReadOnly) }
    }

    func findings() -> [Finding] {
        guard Directory.exists(directory) else {
            return [
                .warning(
                    .disk, "The data directory \(directory) does not exist yet.",
                    "The first `tokenward serve` makes it; TOKENWARD_DATA_DIR names another.")
            ]
        }
        return volume() + permissions()
    }

    private func volume() -> [Finding] {
        guard let volume = room(directory) else {
            return [
                .warning(.disk, "The volume of \(directory) cannot be asked for its room.", "Look at its permissions.")
            ]
        }
        let free = "\(volume.bytesFree >> 20) MiB are free on the volume of \(directory)"
        if volume.isReadOnly {
            return [.failed(.disk, "The volume of \(directory) is mounted read-only.", "Mount it for writing.")]
        }
        if volume.bytesFree < Self.bytesNeeded {
            return [
                .failed(.disk, "\(free).", "Free some: without room for the journal nothing that rotates is refreshed.")
            ]
        }
        if volume.bytesFree < Self.bytesWished {
            return [.warning(.disk, "\(free).", "Keep 3 GiB free: the journal alone may grow to 2 GiB.")]
        }
        return [.ok(.disk, "\(free).")]
    }

    private func permissions() -> [Finding] {
        var findings: [Finding] = []
        for (path, wanted) in [
            (directory, 0o700), (directory + "/journal", 0o700), (directory + "/keys", 0o600),
            (directory + "/admin-token", 0o600),
        ] {
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
                let mode = (attributes[.posixPermissions]).flatMap({ Int(String(describing: $0)) })
            else { continue }
            let loose = mode & 0o777 & ~wanted
            guard loose != 0 else { continue }
            let digits = String(mode & 0o777, radix: 8)
            // The directory of an embedded cluster must let the server's user pass.
            if path == directory, loose & 0o066 == 0 { continue }
            findings.append(
                .failed(
                    .disk, "Others may get at \(path): its permissions are \(digits).",
                    "Run `chmod \(String(wanted, radix: 8)) \(path)`."))
        }
        return findings
    }
}
