import Domain
import Testing

@testable import Providers

@Suite("Broken answers")
struct MutationTests {
    /// Deterministic, so that a failure can be repeated.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state
        }
    }

    @Test(arguments: CatalogueTests.names)
    func `a broken body is never a verdict and stops nothing`(name: String) throws {
        let entry = try entry(name)
        var generator = Generator(state: 42)
        for example in entry.examples where !example.body.isEmpty {
            for _ in 0..<20 {
                var body = example.body
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: body.removeLast(Int.random(in: 1...body.count, using: &generator))
                case 1:
                    let index = Int.random(in: 0..<body.count, using: &generator)
                    body[index] = UInt8.random(in: 0...255, using: &generator)
                default: body.insert(0, at: Int.random(in: 0...body.count, using: &generator))
                }
                let verdict = entry.verdict(
                    status: example.status, headers: [], body: body, phase: example.phase, now: Sample.now)
                guard case .failure(let failure) = verdict else { continue }
                let isParsed = JSONParser.parse(body)?.isObject ?? false
                #expect(isParsed || (!failure.isNamed && failure.answerClass != .reauth))
                #expect(failure.message.count <= 300)
            }
        }
    }
}
