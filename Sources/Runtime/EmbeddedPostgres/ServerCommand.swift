import Subprocess

/// Runs PostgreSQL's programs in the cluster's directory, as the server's user, with an empty environment.
///
/// The directory is opened before the user changes and the programs reach it as `/proc/self/fd/9`: so they need no
/// right to any directory above it, and the data directory can stay closed to everybody but its owner.
struct ServerCommand: Sendable {
    let user: ServerUser

    /// How the programs name the cluster's directory.
    static let directory = "/proc/self/fd/9"

    /// More than any of the programs prints in earnest.
    static let outputBytesMax = 262_144

    /// Runs to the end; a cancelled task ends the program.
    ///
    /// - Returns: whether it exited with 0, and what it printed.
    func run(
        _ program: String, _ arguments: [String], in directory: String, input: String = ""
    ) async throws(EmbeddedPostgresError) -> (isGood: Bool, output: String) {
        let script = "cd / && exec 9<\"$1\" && shift && exec \"$@\" 2>&1"
        var options = PlatformOptions()
        // A terminal's Ctrl-C is for us; what it means for the server is decided here.
        options.createSession = true
        do {
            let result = try await Subprocess.run(
                .name("sh"),
                arguments: Arguments(["-c", script, "sh", directory] + privileges + [program] + arguments),
                environment: .custom(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"]),
                platformOptions: options, input: .string(input), output: .string(limit: ServerCommand.outputBytesMax),
                error: .discarded)
            return (result.terminationStatus.isSuccess, result.standardOutput)
        } catch {
            throw .start("\(program) could not be run, \(error)")
        }
    }

    private var privileges: [String] {
        switch user {
        case .current: []
        case .other(let user, let group):
            ["setpriv", "--reuid=\(user)", "--regid=\(group)", "--clear-groups", "--no-new-privs"]
        }
    }
}
