import Domain
import FoundationEssentials
import Testing

@testable import Refresher

@Suite("Secrets")
struct SecretsTests {
    @Test func `I15: no token and no client secret is in a log line or a report`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            let conducts: [ModelProvider.Conduct] = [
                .answer, .notSent, .loseAnswer, .cut(30), .omitRefreshToken, .refuse(status: 500, body: "rt.c5.1"),
                .refuse(status: 400, body: #"{"error":"invalid_grant","error_description":"rt.c6.1 is spent"}"#),
                .refuse(status: 401, body: #"{"error":"invalid_client","error_description":"canary-client-secret"}"#),
                .refuse(status: 400, body: #"{"error":"odd","error_description":"at.c8.1 rt.c8.1"}"#),
            ]
            for number in conducts.indices { world.add("c\(number)") }
            world.provider.setConduct { conducts[Int($0.dropFirst()) ?? 0] }
            let first = world.started(1)
            simulation.advance(by: .seconds(200))
            var reports: [RefreshReport] = []
            for number in conducts.indices {
                let answer = world.ask(first, [ChannelID(rawValue: "c\(number)")])
                simulation.advance(by: .seconds(40))
                reports += answer.reports
            }
            let isAway = Flag(true)
            world.store.setFault { _ in isAway.value ? .failed : nil }
            simulation.advance(by: .seconds(30))
            isAway.set(false)
            first.life.kill()
            let second = world.started(2)
            simulation.advance(by: .seconds(500))
            let text = world.log.text + "\(reports)" + "\(world.store.events)"
            #expect(!text.contains("rt.c") && !text.contains("at.c") && !text.contains("canary-client-secret"))
            #expect(text.contains("refresh.failed") && text.contains("channel.warning"))
            world.end(first, second)
        }
    }

    @Test func `what is stored of a failure holds no token`() async throws {
        try await Simulation.run { simulation in
            let world = try World(simulation)
            world.add("a")
            world.provider.setConduct { _ in
                .refuse(status: 400, body: #"{"error":"odd","error_description":"token rt.a.1 unknown"}"#)
            }
            let replica = world.started()
            let answer = world.ask(replica, ["a"])
            simulation.advance(by: .seconds(5))
            #expect(answer.reports.count == 1 && !answer.reports.contains { $0.message.contains("rt.a.1") })
            world.end(replica)
        }
    }
}
