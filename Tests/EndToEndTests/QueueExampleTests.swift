import FoundationEssentials
import Postgres
import Sandbox
import TestSupport
import Testing

/// The functions of the document on the multi-tenant queue (S1), in the order of its example, each by the route that
/// docs/documents.md names.
@Suite(.timeLimit(.minutes(3))) struct QueueExampleTests {
    private static let tenant = "tenant_456"

    @Test func `the queue's example works from its first call to its last`() async throws {
        try await World.with { world in
            try await world.migrate()
            // Minutes left: 20, 50 and 300. The tokens are not young, so that a forced refresh may renew them.
            let ends = [("channel_123", 20.0), ("channel_456", 50), ("channel_789", 300)]
            var channels = ends.map { world.channel($0.0, tenant: Self.tenant, left: $0.1) }
            channels.append(world.channel("foreign", tenant: "tenant_1", left: 20))
            try await world.importChannels(channels)
            try await world.addToken("token-of-tenant-456-0", role: "tenant:\(Self.tenant)")
            try await world.serve { program, admin in
                let client = admin.with(token: "token-of-tenant-456-0")

                // 1. scheduleRecurringTokenRefresh({tenantId, intervalMinutes: 60})
                let schedule = try await client.post(
                    "/v1/schedules", #"{"tenantId":"tenant_456","intervalMinutes":60}"#)
                #expect(schedule.status == 201, "\(schedule)")
                let scheduleID = try #require(schedule.json["id"]?.text)
                #expect(schedule.json["nextRuns"]?.items.count == 3 && schedule.json["intervalMinutes"] == .number(60))

                // 2. getChannelsNeedingTokenRefresh({tenantId, refreshBeforeMinutes: 60})
                let needing = try await client.get("/v1/channels?tenantId=tenant_456&expiringWithin=60").json
                #expect(needing["items"]?.items.compactMap { $0["id"]?.text } == ["channel_123", "channel_456"])
                for channel in needing["items"]?.items ?? [] {
                    #expect(channel["hasRefreshToken"] == .bool(true), "\(channel)")
                    #expect((0...60).contains(channel["minutesUntilExpiration"]?.number ?? -1), "\(channel)")
                    for name in ["provider", "displayName", "accessExpiresAt"] { #expect(channel[name]?.text != nil) }
                }

                // 3. refreshMultipleChannelTokens({tenantId, channelIds: urgent})
                let urgent = (needing["items"]?.items ?? []).filter {
                    ($0["minutesUntilExpiration"]?.number ?? 99) < 30
                }
                #expect(urgent.compactMap { $0["id"]?.text } == ["channel_123"])
                let batch = try await client.post(
                    "/v1/refreshes?wait=20", #"{"tenantId":"tenant_456","channelIds":["channel_123"],"force":true}"#)
                #expect(batch.status == 200 && batch.json["succeeded"] == .number(1), "\(batch)\n\(program.text)")
                #expect(batch.json["processed"] == .number(1) && batch.json["state"]?.text == "completed")
                #expect(batch.json["results"]?[0]?["outcome"]?.text == "renewed")

                // 4. getTokenRefreshJobsStatus({tenantId})
                let status = try await client.get("/v1/jobs?tenantId=tenant_456").json
                #expect(status["jobsCompleted"] == .number(1) && status["jobsFailed"] == .number(0), "\(status)")
                #expect(status["jobsActive"] == .number(0) && status["jobsWaiting"] == .number(0), "\(status)")

                // refreshChannelToken, and the batch of all that need it: nothing does.
                let one = try await client.post("/v1/channels/channel_456/refresh", #"{"force":true}"#)
                #expect(one.json["outcome"]?.text == "renewed" && one.json["expiresAt"]?.text != nil, "\(one)")
                let all = try await client.post("/v1/refreshes?wait=20", #"{"tenantId":"tenant_456"}"#)
                #expect(all.json["processed"] == .number(3) && all.json["skipped"] == .number(3), "\(all)")

                try await scheduleAndCancel(client)
                try await statistics(client, admin)
                try await recur(scheduleID, world, client, admin)
                #expect(!program.text.contains("request.failed"), "\(program.text)")
            }
        }
    }

    /// scheduleChannelTokenRefresh({channelId, delayMinutes: 30}), and its cancellation.
    private func scheduleAndCancel(_ client: Client) async throws {
        let delayed = try await client.post("/v1/refreshes", #"{"channelIds":["channel_123"],"delayMinutes":30}"#)
        #expect(delayed.status == 202 && delayed.json["state"]?.text == "delayed", "\(delayed)")
        let id = try #require(delayed.json["id"]?.text)
        #expect(delayed.headers["location"] == "/v1/jobs/\(id)")
        #expect(try await client.get("/v1/jobs?state=delayed").json["jobsWaiting"] == .number(1))
        let cancelled = try await client.send("DELETE", "/v1/jobs/\(id)")
        #expect(cancelled.json["state"]?.text == "cancelled", "\(cancelled)")
        #expect(try await client.get("/v1/jobs").json["jobsWaiting"] == .number(0))
    }

    /// getRefreshStatistics({tenantId}), and S0's scheduler-status.
    private func statistics(_ client: Client, _ admin: Client) async throws {
        let ours = try await client.get("/v1/statistics?tenantId=tenant_456").json
        #expect(ours["totalChannels"] == .number(3) && ours["channelsWithRefreshToken"] == .number(3), "\(ours)")
        #expect(ours["urgentChannels"]?.number.map { $0 <= 2 } == true, "\(ours)")
        #expect(ours["channelsNeedingRefresh"] == .number(0) && ours["byProvider"]?["youtube"] != nil, "\(ours)")
        let whole = try await admin.get("/v1/statistics").json
        #expect(whole["totalChannels"] == .number(4) && whole["byTenant"]?["tenant_1"] != nil, "\(whole)")
        let scheduler = try await client.get("/v1/scheduler?expiringWithin=600").json
        #expect(scheduler["running"] == .bool(true) && scheduler["nextRunAt"]?.text != nil, "\(scheduler)")
        #expect(scheduler["schedules"]?.items.count == 1 && scheduler["expiringTokens"]?.items.count == 3)
        #expect(scheduler["expiringTokens"]?[0]?["channelId"]?.text == "channel_123")
    }

    /// The recurring refresh comes once, then cancelRecurringTokenRefresh({tenantId}).
    private func recur(_ id: String, _ world: World, _ client: Client, _ admin: Client) async throws {
        try await world.database.pool.withConnection {
            _ = try await $0.query("UPDATE schedules SET next_at = now() WHERE id = $1", [.text(id)])
        }
        try await eventually(within: .seconds(30), "the schedule's job is done") {
            let page = try await client.get("/v1/schedules").json
            guard let job = page["items"]?[0]?["lastJobId"]?.text else { return false }
            return try await client.get("/v1/jobs/\(job)").json["state"]?.text == "completed"
        }
        let page = try await client.get("/v1/schedules?tenantId=tenant_456").json
        #expect(page["items"]?[0]?["runs"] == .number(1) && page["items"]?[0]?["skipped"] == .number(0), "\(page)")
        for name in ["jobsActive", "jobsWaiting", "jobsCompleted", "jobsFailed"] { #expect(page[name]?.number != nil) }
        #expect(try await client.send("DELETE", "/v1/schedules?tenantId=tenant_1").json["cancelled"] == .number(0))
        let cancelled = try await client.send("DELETE", "/v1/schedules?tenantId=tenant_456")
        #expect(cancelled.status == 200 && cancelled.json["cancelled"] == .number(1), "\(cancelled)")
        #expect(try await client.get("/v1/schedules").json["items"]?.items.isEmpty == true)
        #expect(try await client.send("DELETE", "/v1/schedules/\(id)").status == 404)
        // What the settings made is a superadmin's to see, and nobody's to remove.
        let settings = try await admin.get("/v1/schedules").json["items"]?.items ?? []
        #expect(settings.compactMap { $0["kind"]?.text } == ["cleanup"], "\(settings)")
        let theirs = try await admin.send("DELETE", "/v1/schedules/cleanup%3A0%202%20%2A%20%2A%20%2A%20GMT")
        #expect(theirs.status == 409, "\(theirs)")
    }

    /// Bodies, and what the sentence that refuses them says.
    private static let refused = [
        (#"{}"#, "one of"), (#"{"intervalMinutes":0}"#, "intervalMinutes"),
        (#"{"intervalMinutes":5,"cron":"* * * * *"}"#, "one of"), (#"{"cron":"0 0 2 * * *"}"#, "six fields"),
        (#"{"cron":"0 2 * * *","timeZone":"Mars/Olympus"}"#, "time zone"), (#"{"cron":"0 0 30 2 *"}"#, "no month has"),
        (#"{"intervalMinutes":5,"timeZone":"UTC"}"#, "timeZone"), (#"{"kind":"dance","intervalMinutes":5}"#, "kind"),
    ]

    @Test func `a schedule that cannot be is refused with a sentence, and the command says the same`() async throws {
        try await World.with { world in
            try await world.serve { _, client in
                for (body, part) in Self.refused {
                    let reply = try await client.post("/v1/schedules", body)
                    #expect(
                        reply.status == 400 && reply.json["detail"]?.text?.contains(part) == true, "\(body): \(reply)")
                }
                #expect(try await client.send("DELETE", "/v1/schedules").status == 400)
                let added = try await world.run("schedules", "add", "--tenant", "acme", "--every", "120", "--json")
                let id = try #require(try? Value(parsing: added.output)["id"]?.text, "\(added)")
                let listed = try await world.run("schedules", "list", "--tenant", "acme")
                #expect(listed.output.contains(id) && listed.output.contains("every 120 min"), "\(listed)")
                let removed = try await world.run("schedules", "remove", id)
                #expect(removed.status == 0 && removed.output.contains("is removed"), "\(removed)")
                #expect(try await world.run("schedules", "remove", id).status == 1)
                let six = try await world.run("schedules", "add", "--cron", "0 0 2 * * *")
                #expect(six.status == 2 && six.errors.contains("six fields"), "\(six)")
                #expect(try await world.run("schedules", "add").status == 2)
                #expect(try await world.run("schedules", "remove", "--tenant", "acme").output.contains("0 removed"))
            }
        }
    }
}

extension World {
    /// A channel whose token was issued half an hour ago and ends in so many minutes; it is not due yet.
    func channel(_ id: String, tenant: String = "default", left minutes: Double) -> NewTestChannel {
        var channel = channel(id, tenant: tenant, lifetime: .seconds(7200))
        let now = Date().timeIntervalSince1970
        channel.accessIssuedAt = "\(now - 1800)"
        channel.accessExpiresAt = "\(now + minutes * 60 + 20)"
        return channel
    }
}
