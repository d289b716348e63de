import Curl
import Domain
import FoundationEssentials
import Providers

/// Names, connections and TLS to the providers' hosts, and their clocks.
///
/// No secret is sent: each host is asked for `/`.
struct NetworkCheck: Sendable {
    static let limits = TransferLimits(connect: .seconds(3), total: .seconds(5), bodyBytesMax: 4096)
    static let inParallel = 8
    static let hostsMax = 60
    /// `Date` tells whole seconds, at the answer's beginning.
    static let skewMax = 30.0

    enum Reach: Sendable, Equatable {
        /// The answer's `Date` minus local time, in seconds; nil when there was none.
        case answered(skew: Double?)
        /// The host's name, a connection or TLS failed; a sentence.
        case failed(String)
    }

    let settings: Settings
    let environment: [String: String]

    /// The hosts of providers that channels use or apps are configured for.
    static func origins(used: Set<String>, apps: [App], catalogue: Catalogue) -> [String] {
        var origins: Set<String> = []
        for name in used where catalogue[name] != nil {
            origins.formUnion(catalogue[name]?.origins() ?? [])
        }
        for app in apps { origins.formUnion(catalogue[app.provider]?.origins(parameters: app.parameters) ?? []) }
        return origins.sorted()
    }

    func findings(of origins: [String]) async -> [Finding] {
        guard !origins.isEmpty else {
            return [.ok(.network, "No provider is in use yet, so no host was tried.")] + proxies()
        }
        do {
            let client = try RefreshPorts.curl(settings)
            let reaches = await reach(origins, through: CurlTransport(client: client))
            await client.shutdown()
            return Self.findings(reaches) + proxies()
        } catch {
            return [.failed(.network, "\(error)", "Look at TOKENWARD_CA_FILE and TOKENWARD_ALLOW_NETWORKS.")]
        }
    }

    func reach(_ origins: [String], through sender: any HTTPSending) async -> [String: Reach] {
        await withTaskGroup(of: (String, Reach).self) { group in
            var reaches: [String: Reach] = [:]
            var waiting = origins.prefix(Self.hostsMax)
            func startNext() {
                guard let origin = waiting.popFirst() else { return }
                group.addTask { (origin, await reach(origin, through: sender)) }
            }
            for _ in 0..<Self.inParallel { startNext() }
            for await (origin, reach) in group {
                reaches[origin] = reach
                startNext()
            }
            return reaches
        }
    }

    private func reach(_ origin: String, through sender: any HTTPSending) async -> Reach {
        let end = await sender.send(
            OutgoingRequest(method: "GET", url: Secret(origin + "/")), limits: Self.limits, permit: { true })
        switch end {
        case .answered(let response):
            return .answered(skew: response.header("Date").flatMap(HTTPDate.date)?.timeIntervalSinceNow)
        case .notSent(_, let message), .lost(_, let message):
            return .failed(message)
        }
    }

    static func findings(_ reaches: [String: Reach]) -> [Finding] {
        var findings: [Finding] = []
        var failures: [String] = []
        var skews: [Double] = []
        for (origin, reach) in reaches.sorted(by: { $0.key < $1.key }) {
            switch reach {
            case .answered(let skew): skews += skew.map { [$0] } ?? []
            case .failed(let message): failures.append("\(origin): \(message)")
            }
        }
        if failures.count == reaches.count {
            findings.append(
                .warning(
                    .network, "None of \(reaches.count) providers' hosts can be reached; the first: \(failures[0])",
                    "Look whether this machine has a network, a name server and a way out by HTTPS."))
        } else {
            for failure in failures {
                findings.append(
                    .warning(.network, failure, "Look at the name server, the firewall and TOKENWARD_CA_FILE."))
            }
            findings.append(
                .ok(.network, "\(reaches.count - failures.count) providers' hosts answer over verified TLS."))
        }
        // One provider's clock may be wrong; the middle one is not.
        let middle = skews.sorted().dropFirst(skews.count / 2).first ?? 0
        if abs(middle) > skewMax {
            findings.append(
                .warning(
                    .clock,
                    "This machine's clock is \(Int(abs(middle))) s \(middle > 0 ? "behind" : "ahead of") the providers'.",
                    "Let this machine set its clock by NTP."))
        } else if !skews.isEmpty {
            findings.append(.ok(.clock, "The providers' clocks and this machine's agree."))
        }
        return findings
    }

    private func proxies() -> [Finding] {
        let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].filter {
            environment[$0]?.isEmpty == false
        }
        guard let name = names.first else { return [] }
        return [
            .warning(
                .network,
                "\(name) is set, but no proxy is ever used: addresses are checked where the connection opens.",
                "Let this machine reach the providers itself, or by a transparent gateway, whose address checks are its own."
            )
        ]
    }
}
