import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// A tenant's token against what belongs to another tenant, on every route that the service describes.
@Suite(.timeLimit(.minutes(3))) struct IsolationTests {
    /// How an operation is tried on something foreign and on something that does not exist.
    struct Sample {
        /// For the parameters of the path; nil stands for the id of a channel.
        var foreignID: String?
        var query = ""
        /// With the foreign id or the unknown one.
        var body: @Sendable (String) -> String = { _ in "" }
        /// The answer is the tenant's own and the same for both; ids of new jobs and times aside.
        var isList = false
    }

    /// A route without an entry fails the test: say here how it is tried.
    private static let samples: [String: Sample] = [
        "listChannels": Sample(query: "?tenantId=other&q=canary", isList: true),
        "createChannel": Sample(body: { _ in
            #"{"provider":"youtube","accessToken":"x","tenantId":"other","displayName":"x"}"#
        }),
        "showChannel": Sample(), "removeChannel": Sample(query: "?purge=true&revoke=false"),
        "changeChannel": Sample(body: { _ in #"{"displayName":"stolen"}"# }),
        "replaceCredential": Sample(body: { _ in #"{"accessToken":"stolen"}"# }),
        "pauseChannel": Sample(), "resumeChannel": Sample(),
        "refreshChannel": Sample(body: { _ in #"{"force":true}"# }), "takeToken": Sample(),
        "explainChannel": Sample(), "showHistory": Sample(), "inspectChannel": Sample(), "exchangeToken": Sample(),
        "reportToken": Sample(body: { _ in #"{"epoch":1}"# }),
        "refreshChannels": Sample(
            query: "?wait=20", body: { #"{"tenantId":"other","channelIds":["\#($0)"],"force":true}"# }, isList: true),
        "linkChannel": Sample(),
        "connectChannel": Sample(body: { _ in #"{"provider":"youtube","tenantId":"other"}"# }),
        "listJobs": Sample(query: "?limit=5", isList: true), "showJob": Sample(foreignID: "job_theirs"),
        "cancelJob": Sample(foreignID: "job_theirs"), "createJob": Sample(body: { _ in #"{"kind":"cleanup"}"# }),
        "listSchedules": Sample(query: "?tenantId=other", isList: true),
        "createSchedule": Sample(body: { _ in #"{"tenantId":"other","intervalMinutes":60}"# }),
        "cancelSchedule": Sample(foreignID: "sch_theirs"),
        "cancelSchedules": Sample(query: "?tenantId=other", isList: true),
        "showStatistics": Sample(query: "?tenantId=other", isList: true), "showScheduler": Sample(isList: true),
        "listIncidents": Sample(query: "?channelId=theirs", isList: true), "showIncident": Sample(foreignID: "1"),
        "acknowledgeIncident": Sample(foreignID: "1"),
        "snoozeIncident": Sample(foreignID: "1", body: { _ in #"{"minutes":5}"# }),
        "listSilences": Sample(query: "?state=all", isList: true),
        "addSilence": Sample(
            body: { _ in #"{"matchers":{"tenants":["other"]},"endsAt":"2099-01-01T00:00:00Z"}"# }, isList: true),
        "removeSilence": Sample(foreignID: "sil_theirs"),
        "listDestinations": Sample(isList: true), "explainRoute": Sample(query: "?tenantId=other", isList: true),
        "addDestination": Sample(body: { _ in
            #"{"name":"x","kind":"webhook","url":"https://x.example/","tenantId":"other"}"#
        }),
        "showDestination": Sample(foreignID: "dst_theirs"),
        "changeDestination": Sample(foreignID: "dst_theirs", body: { _ in #"{"name":"stolen"}"# }),
        "removeDestination": Sample(foreignID: "dst_theirs"), "testDestination": Sample(foreignID: "dst_theirs"),
        "listDeliveries": Sample(query: "?destinationId=dst_theirs", isList: true),
        "showDelivery": Sample(foreignID: "msg_theirs"), "replayDelivery": Sample(foreignID: "msg_theirs"),
        "replayDeliveries": Sample(
            foreignID: "dst_theirs", body: { #"{"destinationId":"\#($0)"}"# }, isList: true),
        "submitEvent": Sample(body: { _ in #"{"id":"e","title":"t","tenantId":"other"}"# }),
        "listApiTokens": Sample(), "createApiToken": Sample(body: { _ in #"{"name":"x","role":"superadmin"}"# }),
        "revokeApiToken": Sample(foreignID: "tenant-token-of-other-0"),
        "listTenants": Sample(), "listKeys": Sample(),
        "listAudit": Sample(query: "?tenantId=other&subject=theirs", isList: true),
        "listApps": Sample(isList: true), "testApp": Sample(foreignID: "youtube"),
        "aliasSchedulerStatus": Sample(isList: true), "aliasTriggerScheduler": Sample(isList: true),
        "aliasForceRefresh": Sample(foreignID: "canary-user", isList: true), "aliasTokensStatus": Sample(isList: true),
        "aliasTokensRefresh": Sample(isList: true),
        "aliasAmoCRMRefresh": Sample(body: { _ in #"{"refresh_token":"stolen"}"# }),
        "aliasFacebookDebug": Sample(),
        "previewTemplate": Sample(foreignID: "opened.slack", isList: true),
        "tryTemplate": Sample(foreignID: "opened.slack", body: { _ in #"{"template":"x"}"# }, isList: true),
        "checkHealth": Sample(isList: true), "checkLife": Sample(isList: true), "checkReadiness": Sample(isList: true),
        "showMetrics": Sample(isList: true), "showStatus": Sample(isList: true), "showDocument": Sample(isList: true),
    ]

    @Test func `a tenant learns nothing of another's channel by any route`() async throws {
        try await World.with { world in
            try await world.migrate()
            var theirs = world.channel("theirs", tenant: "other", user: "canary-user")
            theirs.displayName = "canary-name"
            theirs.externalId = "canary-account"
            var amocrm = world.channel("amocrm", .amocrm, tenant: "other")
            amocrm.displayName = "canary-crm"
            var facebook = world.channel("facebook-ads", .facebookAds, tenant: "other")
            facebook.displayName = "canary-ads"
            try await world.importChannels([theirs, amocrm, facebook, world.channel("ours", tenant: "acme")])
            try await world.addToken("tenant-token-of-acme-00", role: "tenant:acme")
            try await world.addToken("tenant-token-of-other-0", role: "tenant:other")
            try await world.addForeignJobAndIncident()
            try await world.serve { program, admin in
                let acme = admin.with(token: "tenant-token-of-acme-00")
                let document = try await admin.get("/openapi.json").json
                guard case .object(let paths)? = document["paths"] else {
                    Issue.record("no document: \(document)")
                    return
                }
                for (path, methods) in paths.sorted(by: { $0.key < $1.key }) {
                    guard case .object(let methods) = methods else { continue }
                    for (method, operation) in methods.sorted(by: { $0.key < $1.key }) {
                        let id = operation["operationId"]?.text ?? ""
                        guard let sample = Self.samples[id] else {
                            Issue.record("\(method) \(path) has no isolation case: add `\(id)` to the samples")
                            continue
                        }
                        try await check(sample, method.uppercased(), path, acme)
                    }
                }
                let channel = try await admin.get("/v1/channels/theirs").json
                #expect(channel["epoch"] == .number(1) && channel["status"] == .string("active"), "\(channel)")
                #expect(channel["displayName"] == .string("canary-name"), "\(program.text)")
                #expect(try await admin.get("/v1/jobs/job_theirs").json["state"] == .string("delayed"))
                #expect(try await world.count("schedules WHERE id = 'sch_theirs'") == 1)
                #expect(try await admin.get("/v1/channels/amocrm").json["epoch"] == .number(1))
            }
        }
    }

    private func check(_ sample: Sample, _ method: String, _ path: String, _ client: Client) async throws {
        let foreign = sample.foreignID ?? "theirs"
        let unknown = foreign.allSatisfy(\.isNumber) ? "424242" : "nowhere"
        func ask(_ id: String) async throws -> Reply {
            let filled = path.replacing(/\{[A-Za-z]+\}/) { _ in id }
            return try await client.send(method, filled + sample.query, sample.body(id))
        }
        let there = try await ask(foreign)
        let nowhere = try await ask(unknown)
        #expect(there.status == nowhere.status, "\(method) \(path) tells by its status: \(there) and \(nowhere)")
        #expect(
            shape(there, hiding: foreign) == shape(nowhere, hiding: unknown),
            "\(method) \(path) tells by its answer: \(there) and \(nowhere)")
        for canary in [
            "canary-name", "canary-account", "canary-user\"", "canary-crm", "canary-ads", "job_theirs\"",
            "sch_theirs\"",
        ] {
            #expect(!there.body.contains(canary), "\(method) \(path) shows \(canary): \(there)")
        }
        if !sample.isList {
            #expect([403, 404].contains(there.status), "\(method) \(path) does not refuse: \(there)")
        }
    }

    /// The answer without what differs between any two requests.
    private func shape(_ reply: Reply, hiding id: String) -> String {
        var text = reply.body.replacing("\"\(id)\"", with: "\"ID\"").replacing(/job_[a-z0-9]{20}/) { _ in "JOB" }
            .replacing(/sil_[a-z0-9]{20}/) { _ in "SILENCE" }
        text = text.replacing(/\d{4}-\d\d-\d\dT[\d:.]+Z/) { _ in "TIME" }
        // Counters move between two requests for everybody.
        return text.contains("# HELP")
            ? "metrics"
            : text.replacing(
                /"(minutesUntilExpiration|inFlight|daysUntilExpire|jobsCompleted|jobsActive|jobsWaiting|overdue|pending|processed)":-?\d+/
            ) {
                "\($0.output.1)"
            }
    }
}

extension World {
    /// A job and an incident of the tenant `other`.
    fileprivate func addForeignJobAndIncident() async throws {
        try await database.pool.withConnection { connection in
            try await connection.execute(
                """
                INSERT INTO jobs (id, kind, state, tenant_id, request, actor, run_at)
                VALUES ('job_theirs', 'refresh', 'waiting', 'other',
                        '{"tenantID":"other","force":false,"retryDead":false,"dryRun":true}', 'test', now() + interval '1 day');
                INSERT INTO schedules (id, kind, tenant_id, request, interval_seconds, anchor_at, next_at, actor)
                VALUES ('sch_theirs', 'refresh', 'other',
                        '{"tenantID":"other","force":false,"retryDead":false,"dryRun":true}', 3600, now(),
                        now() + interval '1 hour', 'test');
                INSERT INTO incidents (cause, cause_kind, cause_id, reason, severity, tenant_id, message)
                VALUES ('channel/x/theirs', 'channel', 'theirs', 'x', 'warning', 'other', 'canary-name');
                INSERT INTO destinations (id, tenant_id, name, kind, kid, sealed)
                VALUES ('dst_theirs', 'other', 'canary-name', 'webhook', 'none', ''::bytea);
                INSERT INTO deliveries (id, destination_id, kind, type, state, run_at, error)
                VALUES ('msg_theirs', 'dst_theirs', 'opened', 'app.rejected', 'dead', now(), 'canary-name');
                INSERT INTO silences (id, tenant_id, match, starts_at, ends_at, author, comment, applied_at)
                VALUES ('sil_theirs', 'other', '{"tenants":[],"providers":[],"channels":[],"reasons":[],"types":[],"incident":1}',
                        now(), now() + interval '1 day', 'canary-name', 'canary-name', now());
                """)
        }
    }
}
