package import Domain
import FoundationEssentials
import Providers

/// `/v1/apps`: the OAuth client registrations, how the provider takes them, and a test of each.
struct AppRoutes: Sendable {
    let ports: HTTPInterface.Ports

    func register(on router: inout Router) {
        router.on(
            "GET", "/v1/apps",
            Operation(
                "listApps", "Lists the apps, of the platform and of tenants; none shows a secret.", tag: "apps",
                access: .tenant, answers: [.json(.object(["items": .list(of: .app), "nextCursor": .string().orNull]))])
        ) { request, _ in
            let (_, tenant) = try await ports.scope(of: request)
            return .json(.page(try await ports.apps(tenantID: tenant).map { .app($0) }, next: nil))
        }
        router.on(
            "POST", "/v1/apps/{id}/test",
            Operation(
                "testApp", "Asks the provider about a token of the app; no refresh token is spent.", tag: "apps",
                access: .superadmin, answers: [.json(.appTest, "Asked, whatever came of it.")])
        ) { request, path in try await test(path["id"] ?? "") }
    }

    private func test(_ id: String) async throws -> APIResponse {
        guard try await ports.apps(tenantID: nil).contains(where: { $0.record.id == id }) else {
            throw Problem(
                404, "unknown-app", title: "There is no such app", detail: "No app has this id.",
                hint: "List them with GET /v1/apps.")
        }
        guard let channel = try await ports.work.appRecords.channel(of: id),
            let grant = try await ports.channels.grant(of: channel, tenantID: nil)
        else {
            return .json(.appTest(id, "untested", nil, "No active channel of the app is there to ask about."))
        }
        let (method, end) = await ports.calls.inspect(grant)
        // A probe shows the channel's token and nothing of the app.
        guard method == .inspect else {
            return .json(
                .appTest(
                    id, "untested", channel,
                    "\(grant.provider) has no call that proves the app without spending a token; the next refresh tells."
                ))
        }
        switch end {
        case .done: return .json(.appTest(id, "accepted", channel, "The provider answers the app."))
        case .refused(let failure) where failure.answerClass == .client:
            return .json(.appTest(id, "rejected", channel, failure.message))
        case .refused(let failure): return .json(.appTest(id, "untested", channel, failure.message))
        case .impossible(let why), .unreachable(let why): return .json(.appTest(id, "untested", channel, why))
        case .unsupported: return .json(.appTest(id, "untested", channel, "The provider has nothing to ask."))
        }
    }
}

/// An app as lists show it.
package struct AppSummary: Sendable {
    package var record: AppRecord
    /// Nil: not configured in this process.
    package var app: App?

    package init(record: AppRecord, app: App?) {
        self.record = record
        self.app = app
    }

    /// What is configured and what is stored, by id; a tenant sees its own and the platform's.
    package static func all(
        configured: [App], records: [AppRecord], tenantID: String?
    ) -> [AppSummary] {
        let apps = Dictionary(configured.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let known = Set(records.map(\.id))
        let fresh = configured.filter { app in
            !known.contains(app.id) && (tenantID == nil || app.tenantID == nil || app.tenantID == tenantID)
        }.map { app in
            AppRecord(
                id: app.id, provider: app.provider, tenantID: app.tenantID, state: .ok, reason: nil, since: Date(),
                probeAt: nil)
        }
        return (records + fresh).map { AppSummary(record: $0, app: apps[$0.id]) }
            .sorted { $0.record.id < $1.record.id }
    }
}

extension HTTPInterface.Ports {
    func apps(tenantID: String?) async throws -> [AppSummary] {
        AppSummary.all(
            configured: work.apps.all, records: try await work.appRecords.apps(tenantID: tenantID), tenantID: tenantID)
    }
}

extension JSON {
    package static func app(_ app: AppSummary) -> JSON {
        [
            "id": .string(app.record.id), "provider": .string(app.record.provider),
            "tenantId": JSON(app.record.tenantID),
            "clientId": JSON(app.app?.clientID), "secrets": JSON(app.app?.secrets.count ?? 0),
            "isConfigured": .bool(app.app != nil), "state": .string(app.record.state.rawValue),
            "reason": JSON(app.record.state == .ok ? nil : app.record.reason), "since": JSON(app.record.since),
            "probeAt": JSON(app.record.probeAt),
        ]
    }

    static func appTest(_ id: String, _ result: String, _ channel: ChannelID?, _ message: String) -> JSON {
        [
            "appId": .string(id), "result": .string(result), "channelId": JSON(channel?.rawValue),
            "message": .string(message),
        ]
    }
}

extension Schema {
    package static let app = object([
        "id": string(), "provider": string(), "tenantId": string().orNull, "clientId": string().orNull,
        "secrets": integer("How many are tried in order."), "isConfigured": boolean(),
        "state": oneOf(["ok", "suspect", "paused", "degraded"]), "reason": string().orNull, "since": time,
        "probeAt": time.orNull,
    ]).named("App")

    package static let appTest = object([
        "appId": string(), "result": oneOf(["accepted", "rejected", "untested"]), "channelId": string().orNull,
        "message": string(),
    ]).named("AppTest")
}
