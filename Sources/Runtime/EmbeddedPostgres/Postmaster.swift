import FoundationEssentials
import Glibc

/// The running server of a cluster, ours or one that a killed process left behind.
struct Postmaster: Sendable, Equatable {
    enum State: Sendable {
        case starting, ready, stopping
    }

    let process: Int32
    let state: State

    /// The server of a cluster, or nil when none runs; a stale `postmaster.pid` counts as none.
    ///
    /// The file alone proves nothing, its number may be another process by now: the process must also stand in the
    /// cluster's directory, which every server makes its working directory.
    static func running(in cluster: String) -> Postmaster? {
        guard let data = FileManager.default.contents(atPath: cluster + "/postmaster.pid") else { return nil }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        // A stand-alone backend writes its number with a minus sign.
        guard let first = lines.first, let process = Int32(first).map(abs), process > 1,
            let directory = FileFacts(cluster + "/."), let stands = FileFacts("/proc/\(process)/cwd/."),
            stands.isSameFile(as: directory)
        else { return nil }
        let word = lines.count >= 8 ? lines[7].split(separator: " ").first.map(String.init) : nil
        switch word {
        case "ready", "standby": return Postmaster(process: process, state: .ready)
        case "stopping": return Postmaster(process: process, state: .stopping)
        default: return Postmaster(process: process, state: .starting)
        }
    }

    /// Ends the server: connections closed and a checkpoint first, harder when that takes too long.
    ///
    /// Runs to its end in a cancelled task too.
    func stop(cluster: String) async {
        for (signal, patience) in [(SIGINT, 20), (SIGQUIT, 5), (SIGKILL, 5)] {
            _ = kill(process, signal)
            for _ in 0..<patience * 50 {
                if !isRunning(in: cluster) { return }
                await Pause.uncancellable(.milliseconds(20))
            }
        }
    }

    private func isRunning(in cluster: String) -> Bool {
        guard let directory = FileFacts(cluster + "/."), let stands = FileFacts("/proc/\(process)/cwd/.") else {
            return false
        }
        return stands.isSameFile(as: directory)
    }
}
