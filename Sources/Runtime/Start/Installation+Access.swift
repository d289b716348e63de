package import API
import Curl
package import Domain
import FoundationEssentials
import Providers
import Sealing
import Store

/// What the command line asks about channels, apps, keys and access, over the same code as the routes.
extension Installation {
    package var tokens: any APITokenDirectory { store }
    package var audit: any AuditLog { store }
    package var jobs: any JobStore { store }

    func providerCalls(_ curl: CurlClient) -> ProviderCalls {
        ProviderCalls(
            catalogue: catalogue, apps: apps, sender: CurlTransport(client: curl), limit: settings.limits.httpTimeout)
    }

    private func withCalls<Value: Sendable>(_ body: (ProviderCalls) async throws -> Value) async throws -> Value {
        let curl = try RefreshPorts.curl(settings)
        let result: Result<Value, any Error>
        do { result = .success(try await body(providerCalls(curl))) } catch { result = .failure(error) }
        await curl.shutdown()
        return try result.get()
    }

    /// Nil when there is no such channel, or it is disconnected.
    package func inspect(_ id: ChannelID) async throws -> JSON? {
        guard let grant = try await store.grant(of: id, tenantID: nil) else { return nil }
        return try await withCalls { .inspection(await $0.inspect(grant), of: id) }
    }

    /// Nil when there is no such channel.
    package func explain(_ id: ChannelID) async throws -> JSON? {
        guard let channel = try await store.channel(id, tenantID: nil),
            let snapshot = try await store.snapshot(of: id, tenantID: nil)
        else { return nil }
        let app = try await store.apps(tenantID: nil).first { $0.id == snapshot.appID }
        return ChannelExplanation(
            channel: channel, snapshot: snapshot, entry: catalogue[channel.provider], app: app,
            reads: try await store.reads(of: id), link: try await link(of: id)
        ).json
    }

    /// Nil when there is no such channel.
    package func remove(
        _ id: ChannelID, revokes: Bool, purges: Bool, actor: AuditActor
    ) async throws -> ChannelRemoval.Revocation? {
        try await withCalls {
            try await ChannelRemoval(channels: store, calls: $0).remove(
                id, tenantID: nil, revokes: revokes, purges: purges, actor: actor)
        }
    }

    package func appSummaries() async throws -> [AppSummary] {
        AppSummary.all(configured: apps.all, records: try await store.apps(tenantID: nil), tenantID: nil)
    }

    /// The rows of an export, page by page; with tokens when `withSecrets`.
    package func export(
        _ filter: ChannelFilter, withSecrets: Bool, _ row: (JSON) async throws -> Void
    ) async throws {
        var last: ChannelID?
        while true {
            let page = try await store.channels(filter, after: last, limit: 500)
            for channel in page where channel.status != .disconnected {
                let grant = withSecrets ? try await store.grant(of: channel.id, tenantID: nil) : nil
                try await row(.exported(channel, grant: grant))
            }
            guard page.count == 500 else { return }
            last = page.last?.id
        }
    }
}
