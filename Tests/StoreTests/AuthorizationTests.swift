import Domain
import FoundationEssentials
import Sealing
import Store
import Testing

@Suite("Authorizations in the database")
struct AuthorizationTests {
    private func target(
        _ channel: ChannelID, grant: Int64?, app: String = "oauth2"
    ) -> AuthorizationTarget {
        AuthorizationTarget(
            channelID: channel, tenantID: "default", userID: "u", provider: "oauth2", appID: app, displayName: "Shop",
            grantID: grant, actor: "link", isSignedIn: false)
    }

    private func answer(_ authorization: Authorization, body: String = "{}") -> JournalAnswer {
        JournalAnswer(
            key: .authorization(authorization.id), tenantID: "default", provider: "oauth2", appID: "oauth2",
            secretIndex: 0, grantID: authorization.target.grantID ?? 0, base: 0, requestedAt: Date(),
            presented: Credential(scopes: ["read"], parameters: ["subdomain": "acme"]), catalogueRevision: "r",
            status: 200, headers: [], body: Array(body.utf8), isCut: false, isOverLong: false)
    }

    private func grant(_ refresh: String = "rt-new", account: String? = "ext-a") -> AuthorizedGrant {
        AuthorizedGrant(
            grant: NewGrant(
                credential: Credential(accessToken: Secret("at-new"), refreshToken: Secret(refresh), scopes: ["read"]),
                accessIssuedAt: Date(), accessExpiresAt: Date() + 3600, refreshExpiresAt: nil, humanDeadlineAt: nil,
                dueAt: Date() + 3000), accountID: account)
    }

    private func begun(
        _ fixture: StoreFixture, _ channel: ChannelID, state: String = "s"
    ) async throws -> Authorization {
        let grant = try await fixture.store.grantID(of: channel)
        return try #require(
            try await fixture.store.begin(
                target(channel, grant: grant), stateDigest: Array(state.utf8), nonceDigest: nil))
    }

    @Test func `a consent supersedes what is in flight, clears the warning and tells so`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let flagged = try #require(try await fixture.claimOne("a"))
            _ = try await fixture.store.complete([
                fixture.failure(flagged, .reauthorizationRequired, due: nil, warning: .reauthorizationRequired)
            ])
            let inFlight = try #require(try await fixture.claimOne("a"))
            let authorization = try await begun(fixture, "a")
            #expect(try await fixture.store.keepExchange(answer(authorization)))
            try await fixture.store.store(authorization.id, grant())
            let channel = try #require(try await fixture.store.channel("a", tenantID: nil))
            #expect(channel.status == .active && channel.warning == nil && channel.epoch == 2)
            #expect(try await fixture.count("event WHERE channel_id = 'a' AND kind = 'recovered'") == 1)
            #expect(try await fixture.count("audit WHERE outcome = 'reauthorized' AND actor = 'link'") == 1)
            // I4: neither a late answer of the old grant nor its journal changes the new one.
            #expect(try await fixture.store.complete([fixture.success(inFlight)]) == [.superseded])
            #expect(try await fixture.store.token(of: "a", tenantID: nil)?.credential.accessToken == Secret("at-new"))
            #expect(try await fixture.writtenAgree())
            // Finishing again changes nothing and is no error.
            try await fixture.store.store(authorization.id, grant())
            #expect(try await fixture.store.channel("a", tenantID: nil)?.epoch == 2)
            #expect(try await fixture.count("authorizations WHERE sealed IS NOT NULL OR kid IS NOT NULL") == 0)
        }
    }

    @Test func `a state is begun once`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let first = try await begun(fixture, "a")
            #expect(
                try await fixture.store.begin(
                    target("a", grant: 1), stateDigest: Array("s".utf8), nonceDigest: nil) == nil)
            #expect(try await fixture.store.authorization(stateDigest: Array("s".utf8))?.id == first.id)
        }
    }

    @Test func `an answer is kept sealed, once, and taken by one at a time`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(StoreFixture.newChannel("a"))
            let authorization = try await begun(fixture, "a")
            let kept = answer(authorization, body: "{\"access_token\":\"very-secret\"}")
            #expect(try await fixture.store.keepExchange(kept))
            #expect(try await fixture.store.keepExchange(answer(authorization, body: "other")))
            #expect(
                try await fixture.count(
                    "authorizations a WHERE a::text LIKE '%very-secret%' OR position('very-secret'::bytea in sealed) > 0"
                )
                    == 0)
            let taken = try await fixture.store.takeExchanged(only: nil, limit: 10)
            #expect(taken.count == 1 && taken[0].answer.body == kept.body)
            #expect(taken[0].answer.presented.parameters == ["subdomain": "acme"])
            #expect(try await fixture.store.takeExchanged(only: nil, limit: 10).isEmpty)
            let unknown = Authorization(id: 999, target: authorization.target, state: .redeeming)
            #expect(try await !fixture.store.keepExchange(answer(unknown)))
        }
    }

    @Test func `a grant that changed meanwhile, a disconnect and a foreign account change nothing`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.add(
                StoreFixture.newChannel("a"), StoreFixture.newChannel("b"), StoreFixture.newChannel("c"))
            let changed = try await begun(fixture, "a", state: "1")
            _ = try await fixture.store.replaceCredential(of: "a", tenantID: nil, with: grant().grant, actor: "hand")
            await #expect(throws: AuthorizationRefusal.supersededMeanwhile) {
                try await fixture.store.store(changed.id, grant())
            }
            let removed = try await begun(fixture, "b", state: "2")
            _ = try await fixture.store.disconnect("b", tenantID: nil, purge: false, actor: "hand")
            await #expect(throws: AuthorizationRefusal.supersededMeanwhile) {
                try await fixture.store.store(removed.id, grant())
            }
            let foreign = try await begun(fixture, "c", state: "3")
            await #expect(throws: AuthorizationRefusal.accountElsewhere) {
                try await fixture.store.store(foreign.id, grant("rt-c", account: "ext-a"))
            }
            #expect(try await fixture.store.channel("c", tenantID: nil)?.epoch == 1)
            #expect(try await fixture.count("authorizations WHERE state = 'refused'") == 3)
        }
    }

    @Test func `a first connection makes the channel, and the same account or token makes no second one`() async throws
    {
        try await StoreFixture.with { fixture in
            let first = try await begun(fixture, "new-1", state: "1")
            try await fixture.store.store(first.id, grant("rt-1", account: "acc"))
            let channel = try #require(try await fixture.store.channel("new-1", tenantID: "default"))
            #expect(channel.externalID == "acc" && channel.userID == "u" && channel.displayName == "Shop")
            let again = try await begun(fixture, "new-2", state: "2")
            await #expect(throws: AuthorizationRefusal.accountElsewhere) {
                try await fixture.store.store(again.id, grant("rt-2", account: "acc"))
            }
            let sameToken = try await begun(fixture, "new-3", state: "3")
            await #expect(throws: AuthorizationRefusal.tokenKnown) {
                try await fixture.store.store(sameToken.id, grant("rt-1", account: "other"))
            }
            #expect(try await fixture.count("channels") == 1)
            #expect(
                try await fixture.store.holder(ofAccount: "acc", provider: "oauth2", appID: "oauth2") == "new-1")
        }
    }

    @Test func `two consents of one account at once make one channel`() async throws {
        try await StoreFixture.with { fixture in
            let rows = [
                try await begun(fixture, "new-1", state: "1"),
                try await begun(fixture, "new-2", state: "2"),
            ]
            let stored = try await withThrowingTaskGroup(of: Bool.self) { group in
                for (index, row) in rows.enumerated() {
                    group.addTask {
                        do {
                            try await fixture.store.store(row.id, grant("rt-\(index)", account: "acc"))
                            return true
                        } catch AuthorizationRefusal.accountElsewhere {
                            return false
                        }
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(stored == 1)
            #expect(try await fixture.count("channels WHERE external_id = 'acc'") == 1)
        }
    }
}
