import Domain
import FoundationEssentials
import Sandbox
import Testing

/// A browser without a window: follows a link's button through the sandbox's consent page and back, with its cookies.
struct ConsentWalk: Sendable {
    let world: World
    let client: Client
    /// `name=value`, as the next request sends it.
    var cookies: [String: String] = [:]

    init(_ world: World, _ client: Client) {
        self.world = world
        self.client = client.with(token: nil)
    }

    private var cookieHeader: [String: String] {
        cookies.isEmpty ? [:] : ["Cookie": cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")]
    }

    /// The path behind a URL's host.
    static func path(_ url: String) -> String {
        "/" + url.split(separator: "/", maxSplits: 2).dropFirst(2).joined(separator: "/")
    }

    mutating func get(_ path: String) async throws -> Reply {
        keep(try await client.get(path, headers: cookieHeader))
    }

    mutating func post(_ path: String, _ form: String = "") async throws -> Reply {
        var headers = cookieHeader
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return keep(try await client.post(path, form, headers: headers))
    }

    private mutating func keep(_ reply: Reply) -> Reply {
        if let set = reply.headers["set-cookie"], let pair = set.split(separator: ";").first {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            cookies[halves[0]] = halves[1].isEmpty ? nil : halves[1]
        }
        return reply
    }

    /// Presses the link's button; the consent page's address.
    mutating func press(_ link: String) async throws -> String {
        let reply = try await post(Self.path(link))
        try #require(reply.status == 303, "\(reply)")
        return try #require(reply.headers["location"])
    }

    /// Allows at the sandbox; the path and query that lead back.
    func allow(_ consent: String, as account: String) async throws -> String {
        let address = consent.replacing("/authorize?", with: "/authorize/allow?account=\(account)&")
        let sandbox = Client(address: "127.0.0.1:\(world.provider.port)", token: nil)
        let reply = try await sandbox.get(Self.path(address))
        try #require(reply.status == 302, "\(reply)")
        return Self.path(try #require(reply.headers["location"]))
    }
}
