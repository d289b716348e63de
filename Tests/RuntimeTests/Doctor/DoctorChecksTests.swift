import Domain
import Foundation
import Journal
import Providers
import Sealing
import Testing

@testable import Runtime
@testable import Store

/// Every line in its good and its bad state.
@Suite("Doctor's checks")
struct DoctorChecksTests {
    private func expect(
        _ findings: [Finding], _ family: Finding.Family, _ level: Finding.Level, _ words: String...,
        at location: SourceLocation = #_sourceLocation
    ) {
        let found = findings.contains { finding in
            finding.family == family && finding.level == level
                && words.allSatisfy { (finding.message + " " + (finding.advice ?? "")).contains($0) }
        }
        #expect(found, "\(findings)", sourceLocation: location)
        for finding in findings {
            #expect((finding.advice == nil) == (finding.level == .ok), sourceLocation: location)
        }
    }

    private func server(_ version: String = "15.4", standby: Bool = false, skew: Double = 0.1) -> [Finding] {
        ServerCheck.findings(.init(version: version, isStandby: standby, skew: skew, roundTrip: .milliseconds(3)))
    }

    @Test func `the database and its clock`() {
        expect(server(), .database, .ok, "15.4", "3 ms")
        expect(server(), .clock, .ok)
        expect(server("11.2"), .database, .failed, "PostgreSQL 13 or newer")
        expect(server(standby: true), .database, .failed, "primary")
        expect(server(skew: 61), .clock, .warning, "61 s ahead", "NTP")
        expect(server(skew: -7), .clock, .warning, "7 s behind")
    }

    @Test func `keys`() throws {
        let ring = KeyRing.generated().ring
        let kid = ring.sealingKid
        let key = Examination.Key(kid: kid, checkValue: ring.checkValue(kid: kid), credentials: 7)
        expect(KeyCheck.findings(ring: .success(ring), keys: [key]), .keys, .ok, kid, "seals 7")
        expect(KeyCheck.findings(ring: .success(nil), keys: []), .keys, .warning, "no key ring yet")
        expect(KeyCheck.findings(ring: .success(nil), keys: [key]), .keys, .failed, kid, "old file")
        let other = KeyRing.generated().ring
        var lost = key
        lost.kid = "lost"
        expect(KeyCheck.findings(ring: .success(other), keys: [lost]), .keys, .failed, "7 channels", "`lost`")
        let forged = Examination.Key(kid: kid, checkValue: other.checkValue(kid: other.sealingKid), credentials: 0)
        expect(KeyCheck.findings(ring: .success(ring), keys: [forged]), .keys, .failed, "not the one")
        let broken = Result<KeyRing?, KeyRingError> { () throws(KeyRingError) in
            try KeyRing(parsing: Secret("nonsense"))
        }
        expect(KeyCheck.findings(ring: broken, keys: []), .keys, .failed, "cannot be read")
    }

    @Test func `integrity`() {
        expect(IntegrityCheck.findings(unreadable: [], rolledBack: []), .integrity, .ok)
        expect(IntegrityCheck.findings(unreadable: ["a"], rolledBack: []), .integrity, .failed, "1 channel has", "a.")
        let many = (1...8).map { ChannelID(rawValue: "c\($0)") }
        expect(
            IntegrityCheck.findings(unreadable: [], rolledBack: many), .integrity, .failed, "8 channels",
            "c5 and 3 more")
    }

    @Test func `apps`() {
        let app = App(id: "youtube", provider: "youtube", clientID: "id", secrets: [Secret("s")])
        let apps = ConfiguredApps([app])
        let use = [Examination.AppUse(provider: "youtube", appID: "youtube", channels: 3)]
        expect(AppCheck.findings(use: use, apps: apps, troubled: []), .apps, .ok, "youtube")
        expect(AppCheck.findings(use: [], apps: ConfiguredApps([]), troubled: []), .apps, .warning, "No app")
        expect(
            AppCheck.findings(
                use: [.init(provider: "tiktok-shop", appID: "tiktok-shop", channels: 2)], apps: apps, troubled: []),
            .apps, .failed, "2 channels", "TOKENWARD_APP_TIKTOK_SHOP_CLIENT_ID")
        let paused = Examination.TroubledApp(id: "youtube", state: .paused, reason: "app_credentials", since: Date())
        expect(AppCheck.findings(use: use, apps: apps, troubled: [paused]), .apps, .failed, "paused", "app_credentials")
        let suspect = Examination.TroubledApp(id: "youtube", state: .suspect, reason: "http_401", since: Date())
        expect(AppCheck.findings(use: use, apps: apps, troubled: [suspect]), .apps, .warning, "suspect")
    }

    @Test func `destinations`() {
        func entry(
            url: String = "https://hooks.slack.example/x", fault: String? = nil, dead: Int = 0, isDefault: Bool = true
        ) -> DestinationCheckup.Entry {
            let destination = Destination(
                id: "d1", name: "Team", isDefault: isDefault, configuration: .slackWebhook(url: Secret(url)))
            let summary = DestinationSummary(
                id: "d1", tenantID: nil, name: "Team", kind: .slackWebhook, isDefault: isDefault, match: .init(),
                recipients: [], parkedUntil: nil, fault: fault, createdAt: Date())
            return .init(summary: summary, opened: .success(destination), dead: dead)
        }
        struct Broken: Error {}
        expect(DestinationCheckup.findings([entry()], configured: 1), .destinations, .ok)
        expect(DestinationCheckup.findings([], configured: 0), .destinations, .warning, "Nobody is told")
        expect(DestinationCheckup.findings([], configured: 2), .destinations, .ok, "2")
        expect(DestinationCheckup.findings([entry(fault: "410")], configured: 1), .destinations, .warning, "410")
        expect(DestinationCheckup.findings([entry(dead: 4)], configured: 1), .destinations, .warning, "4 messages")
        expect(
            DestinationCheckup.findings([entry(isDefault: false)], configured: 1), .destinations, .warning, "default")
        expect(DestinationCheckup.findings([entry(url: "ftp://x")], configured: 1), .destinations, .failed, "not valid")
        var sealed = entry()
        sealed.opened = .failure(Broken())
        expect(DestinationCheckup.findings([sealed], configured: 1), .destinations, .failed, "cannot be opened")
    }

    @Test func `the catalogue`() throws {
        let catalogue = try Catalogue.embedded()
        #expect(
            CatalogueCheckup.findings(
                used: [.init(provider: "youtube", appID: "youtube", channels: 1)], catalogue: catalogue) == [])
        expect(
            CatalogueCheckup.findings(
                used: [.init(provider: "gone", appID: "gone", channels: 1)], catalogue: catalogue),
            .catalogue, .failed, "`gone`")
        expect(
            CatalogueCheckup.findings(
                used: [.init(provider: "tiktok-legacy", appID: "tiktok-legacy", channels: 1)], catalogue: catalogue),
            .catalogue, .warning, "deprecated")
    }

    @Test func `journals`() {
        let id = UUID()
        func replica(open: Int, silent: Duration) -> Examination.Replica {
            .init(journalID: id, silentFor: silent, openEntries: open, kids: ["k"])
        }
        func findings(_ replica: Examination.Replica, _ journals: [JournalSurvey] = []) -> [Finding] {
            JournalCheck.findings(replicas: [replica], journals: journals)
        }
        let here = JournalSurvey(path: "/d/journal-0", id: id, segments: 1, quarantined: 0)
        expect(findings(replica(open: 2, silent: .seconds(3)), [here]), .journal, .ok, "1 replicas", "2 entries")
        expect(findings(replica(open: 0, silent: .seconds(9999))), .journal, .ok, "0 replicas")
        expect(
            findings(replica(open: 2, silent: .seconds(600))), .journal, .failed, id.uuidString.lowercased(), "10 min",
            "on the volume")
        expect(findings(replica(open: 2, silent: .seconds(600)), [here]), .journal, .failed, "/d/journal-0", "serve")
        let quarantined = JournalSurvey(path: "/d/journal-1", id: UUID(), segments: 1, quarantined: 3)
        expect(findings(replica(open: 0, silent: .zero), [quarantined]), .journal, .warning, "3 entries", ".txt")
    }

    @Test func `the network`() {
        typealias Reach = NetworkCheck.Reach
        expect(NetworkCheck.findings(["https://a": Reach.answered(skew: 0.4)]), .network, .ok, "1 provider")
        expect(NetworkCheck.findings(["https://a": Reach.answered(skew: 0.4)]), .clock, .ok)
        expect(NetworkCheck.findings(["https://a": Reach.answered(skew: 120)]), .clock, .warning, "120 s behind")
        let lost: [String: Reach] = ["https://a": .failed("Could not resolve host."), "https://b": .failed("No.")]
        expect(NetworkCheck.findings(lost), .network, .warning, "None of 2", "Could not resolve")
        let half: [String: Reach] = ["https://a": .failed("TLS."), "https://b": .answered(skew: nil)]
        expect(NetworkCheck.findings(half), .network, .warning, "https://a: TLS.")
        // One wrong clock among three is its own.
        let one: [String: Reach] = [
            "https://a": .answered(skew: 0), "https://b": .answered(skew: 1), "https://c": .answered(skew: 9999),
        ]
        expect(NetworkCheck.findings(one), .clock, .ok)
    }

    @Test func `the hosts are those of providers in use, and a subdomain of nobody is left out`() throws {
        let catalogue = try Catalogue.embedded()
        let apps = [
            App(id: "gitlab", provider: "gitlab", clientID: "i", secrets: [], parameters: ["host": "git.example"])
        ]
        let origins = NetworkCheck.origins(used: ["tiktok", "amocrm", "gone"], apps: apps, catalogue: catalogue)
        #expect(
            origins == [
                "https://git.example", "https://open.tiktokapis.com", "https://www.amocrm.ru", "https://www.tiktok.com",
            ])
    }

    @Test func `disk`() throws {
        let path = "/tmp/tokenward-doctor-\(UUID().uuidString.prefix(8))"
        expect(DiskCheck(directory: path).findings(), .disk, .warning, "does not exist yet")
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: path) }
        func findings(free: UInt64, readOnly: Bool = false) -> [Finding] {
            var check = DiskCheck(directory: path)
            check.room = { _ in .init(bytesFree: free, isReadOnly: readOnly) }
            return check.findings()
        }
        #expect(findings(free: 9 << 30).map(\.level) == [.ok])
        expect(findings(free: 1 << 30), .disk, .warning, "1024 MiB", "3 GiB")
        expect(findings(free: 1 << 20), .disk, .failed, "1 MiB")
        expect(findings(free: 9 << 30, readOnly: true), .disk, .failed, "read-only")
        _ = FileManager.default.createFile(
            atPath: path + "/keys", contents: Data("k".utf8), attributes: [.posixPermissions: 0o644])
        expect(findings(free: 9 << 30), .disk, .failed, "/keys", "644", "chmod 600")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        expect(findings(free: 9 << 30), .disk, .failed, "755", "chmod 700")
    }

    @Test func `the embedded cluster`() throws {
        let path = "/tmp/tokenward-doctor-\(UUID().uuidString.prefix(8))"
        let (home, root) = (path + "/data", path + "/postgresql")
        defer { try? FileManager.default.removeItem(atPath: path) }
        func findings() -> [Finding] { ClusterCheck(directory: home, debianRoot: root, searchPath: "").findings() }
        expect(findings(), .cluster, .failed, "not installed", "apt-get")
        let programs = root + "/15/bin"
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        for name in ["initdb", "pg_ctl", "postgres"] {
            _ = FileManager.default.createFile(
                atPath: "\(programs)/\(name)", contents: Data(), attributes: [.posixPermissions: 0o755])
        }
        expect(findings(), .cluster, .ok, programs)
        try FileManager.default.createDirectory(atPath: home + "/postgres", withIntermediateDirectories: true)
        try Data("15\n".utf8).write(to: URL(filePath: home + "/postgres/PG_VERSION"))
        expect(findings(), .cluster, .ok, "15", "stopped")
        try Data("12\n".utf8).write(to: URL(filePath: home + "/postgres/PG_VERSION"))
        expect(findings(), .cluster, .failed, "PostgreSQL 12", "pg_dump")
    }
}
