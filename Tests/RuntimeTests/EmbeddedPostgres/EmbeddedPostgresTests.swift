import Foundation
import Glibc
import Runtime
import TestSupport
import Testing

@Suite("The embedded PostgreSQL cluster")
struct EmbeddedPostgresTests {
    @Test func `the first start makes a private cluster and a role without rights`() async throws {
        try await ClusterHome.with { home in
            let events = Events()
            let cluster = home.cluster(events: events)
            let uri = try await cluster.start()
            try await home.expect(uri, "select current_user, current_database()", "tokenward|tokenward")
            let rights = try await home.query(
                uri, "select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = current_user")
            #expect(rights == "f|f|f")
            try await home.expect(uri, "show server_encoding", "UTF8")
            try await home.expect(uri, "show listen_addresses", "")
            try await home.expect(uri, "show fsync", "on")
            let process = try #require(home.postmaster)
            let environment = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/environ"))
            #expect(!String(decoding: environment, as: UTF8.self).contains("HOME="))
            let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
            #expect(!status.contains("Uid:\t0"))
            #expect(permissions(home.path) == 0o700)
            #expect(permissions(home.path + "/postgres/socket") == 0o700)
            await cluster.stop()
            #expect(events.all.count == 3, "\(events.all)")
            #expect(events.all.last == .stopped)
            #expect(!FileManager.default.fileExists(atPath: home.path + "/postgres/postmaster.pid"))
        }
    }

    @Test func `the second start finds the data of the first`() async throws {
        try await ClusterHome.with { home in
            let first = home.cluster()
            let uri = try await first.start()
            _ = try await home.query(uri, "create table kept as select 42 as answer")
            await first.stop()
            try await home.cluster().with { again in
                #expect(again == uri)
                try await home.expect(again, "select answer from kept", "42")
            }
        }
    }

    @Test func `a killed server is started again while serving`() async throws {
        try await ClusterHome.with { home in
            let events = Events()
            let cluster = home.cluster(events: events)
            let uri = try await cluster.start()
            let first = await events.nextStart()
            _ = try await home.query(uri, "create table kept as select 42 as answer")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await cluster.run() }
                let process = try #require(home.postmaster)
                _ = kill(process, SIGKILL)
                let second = await events.nextStart()
                #expect(first != second)
                try await home.expect(uri, "select answer from kept", "42")
                #expect(events.all.contains(.lost))
                group.cancelAll()
            }
            await cluster.stop()
            #expect(events.all.last == .stopped)
        }
    }

    @Test func `a pid file of a dead server that names another process is stale`() async throws {
        try await ClusterHome.with { home in
            let first = home.cluster()
            _ = try await first.start()
            let process = try #require(home.postmaster)
            let file = home.path + "/postgres/postmaster.pid"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            await first.stop()
            // The number now belongs to a process that lives and has nothing to do with the cluster.
            let stale = text.replacingOccurrences(of: "\(process)\n", with: "\(getppid())\n")
            try Data(stale.utf8).write(to: URL(fileURLWithPath: file))
            let owner = try FileManager.default.attributesOfItem(atPath: home.path + "/postgres")
            try FileManager.default.setAttributes(
                [.ownerAccountID: owner[.ownerAccountID] ?? 0, .posixPermissions: 0o600], ofItemAtPath: file)
            let events = Events()
            try await home.cluster(events: events).with { uri in
                try await home.expect(uri, "select 1", "1")
            }
            #expect(events.all.count == 2, "\(events.all)")
        }
    }

    @Test func `a server that a killed process left behind is taken over and ended`() async throws {
        try await ClusterHome.with { home in
            let orphan = try await leaveBehind(home)
            let events = Events()
            let cluster = home.cluster(events: events)
            // Children that other tests are starting hold the dropped lock for a moment, between fork and exec.
            _ = try await eventual("the lock of the ended process is free") { try? await cluster.start() }
            #expect(events.all == [.joined(process: Int(orphan))])
            await cluster.stop()
            #expect(home.postmaster == nil)
        }
    }

    @Test func `a second serve is refused with one sentence`() async throws {
        try await ClusterHome.with { home in
            try await home.cluster().with { _ in
                let error = await #expect(throws: EmbeddedPostgresError.self) { try await home.cluster().start() }
                let sentence = error?.description ?? ""
                #expect(sentence.contains("Another tokenward serve (process \(getpid())) uses \(home.path)"))
                #expect(home.postmaster != nil, "the first one goes on")
            }
        }
    }

    @Test func `commands join the server and the last one out ends it`() async throws {
        try await ClusterHome.with { home in
            let serving = home.cluster()
            let uri = try await serving.start()
            let events = Events()
            let visiting = home.cluster(.visiting, events: events)
            #expect(try await visiting.start() == uri)
            await serving.stop()
            try await home.expect(uri, "select 1", "1")
            await visiting.stop()
            #expect(events.all.last == .stopped)
            #expect(home.postmaster == nil)
        }
    }

    @Test func `two commands that start at once share one server`() async throws {
        try await ClusterHome.with { home in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        try await home.cluster(.visiting).with { uri in
                            try await home.expect(uri, "select 1", "1")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(home.postmaster == nil)
        }
    }

    @Test func `stopping works in a cancelled task`() async throws {
        try await ClusterHome.with { home in
            let cluster = home.cluster()
            _ = try await cluster.start()
            await withTaskGroup(of: Void.self) { group in
                group.cancelAll()
                group.addTask { await cluster.stop() }
            }
            #expect(home.postmaster == nil)
        }
    }

    @Test func `an interrupted first start leaves nothing in the way`() async throws {
        try await ClusterHome.with { home in
            let half = home.path + "/postgres.new/base"
            try FileManager.default.createDirectory(atPath: half, withIntermediateDirectories: true)
            try await home.cluster().with { uri in
                try await home.expect(uri, "select 1", "1")
            }
        }
    }

    @Test func `a path too long for a socket is reached by a short link`() async throws {
        try await ClusterHome.with(name: String(repeating: "long name/", count: 12) + "data") { home in
            try await home.cluster().with { uri in
                try await home.expect(uri, "select 1", "1")
            }
        }
    }

    private func permissions(_ path: String) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions]
            .flatMap { Int("\($0)") }
    }

    /// Starts a cluster and forgets it, as a killed process does: its locks go, its server stays.
    private func leaveBehind(_ home: ClusterHome) async throws -> Int32 {
        _ = try await home.cluster().start()
        return try #require(home.postmaster)
    }
}
