import Foundation
import Runtime
import Testing

@Suite("PostgreSQL's programs")
struct PostgresProgramsTests {
    @Test func `missing programs are one sentence`() async throws {
        try await ClusterHome.with { home in
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await home.cluster(debianRoot: "/nowhere").start()
            }
            #expect(error?.description.contains("apt-get install postgresql") == true)
        }
    }

    @Test func `a cluster of a version that is not installed names it`() async throws {
        try await ClusterHome.with { home in
            try await home.cluster().with { _ in }
            let major = try String(contentsOfFile: home.path + "/postgres/PG_VERSION", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let root = home.path + "/programs"
            let real = "/usr/lib/postgresql/\(major)/bin"
            try FileManager.default.createDirectory(atPath: root + "/99", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: root + "/99/bin", withDestinationPath: real)
            let error = await #expect(throws: EmbeddedPostgresError.self) {
                try await home.cluster(debianRoot: root).start()
            }
            #expect(error?.description.contains("postgresql-\(major)") == true)
        }
    }

    @Test func `programs on the search path serve when Debian has none`() async throws {
        try await ClusterHome.with { home in
            let majors = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").compactMap {
                Int($0)
            }
            let newest = try #require(majors.max())
            for _ in 0..<2 {
                let cluster = EmbeddedPostgres(
                    dataDirectory: home.path, use: .visiting, debianRoot: "/nowhere",
                    searchPath: "/bin:/usr/lib/postgresql/\(newest)/bin")
                try await cluster.with { uri in try await home.expect(uri, "select 1", "1") }
            }
        }
    }
}
