import Domain
import Testing

@Suite("Retry ladder")
struct RetryLadderTests {
    @Test func `the delay lies between the floor and its step`() {
        let ladder = RetryLadder()
        for failures in 1...20 {
            let step = RetryLadder.standard[min(failures, 9) - 1]
            #expect(ladder.delay(failures: failures, random: 0) == .seconds(5))
            #expect(ladder.delay(failures: failures, random: 0.999) <= step)
            #expect(ladder.delay(failures: failures, random: 0.5) == max(.seconds(5), step / 2))
        }
    }

    @Test func `an empty ladder still waits`() {
        #expect(RetryLadder(steps: []).delay(failures: 1, random: 1) == .seconds(60))
    }

    @Test(arguments: [-3, 0, 1])
    func `a count below one is the first step`(failures: Int) {
        #expect(RetryLadder().delay(failures: failures, random: 1) == .seconds(60))
    }

    @Test func `the end of the token shortens the delay, the floor and the provider lengthen it`() {
        let ladder = RetryLadder()
        #expect(ladder.delay(failures: 9, random: 1, timeLeft: .seconds(400)) == .seconds(100))
        #expect(ladder.delay(failures: 9, random: 1, floor: .seconds(120), timeLeft: .seconds(400)) == .seconds(120))
        #expect(ladder.delay(failures: 1, random: 0, retryAfter: .seconds(90)) == .seconds(90))
        #expect(ladder.delay(failures: 9, random: 1, timeLeft: .seconds(-10)) == .seconds(21_600))
    }

    @Test(arguments: [(0, 1), (59, 1), (60, 2), (180, 3), (480, 4), (4080, 7), (1_000_000, 9)])
    func `time tells how many failures the ladder would have seen`(seconds: Int, failures: Int) {
        #expect(RetryLadder().failures(within: .seconds(seconds)) == failures)
        #expect(RetryLadder(steps: []).failures(within: .seconds(seconds)) == 1)
    }

    @Test func `a provider cannot ask for more than six hours`() {
        #expect(RetryLadder().delay(failures: 1, random: 0, retryAfter: .seconds(1_000_000)) == .seconds(21_600))
    }
}
