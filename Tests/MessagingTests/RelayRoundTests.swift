import Testing

@testable import Messaging

/// Which rows of a round may be in flight together.
struct RelayRoundTests {
    @Test func eachWaveHasOneRowPerKey() {
        var round = RelayRound(keys: ["a", "b", "a", "c", "a", "b"])
        var waves: [[Int]] = []
        while !round.wave.isEmpty {
            waves.append(round.wave)
            round.settle(round.wave.map { _ in .confirmed })
        }
        #expect(waves == [[0, 1, 3], [2, 5], [4]])
        #expect(round.outcomes == Array(repeating: .confirmed, count: 6))
    }

    @Test func whatFollowsAnUnroutableRowIsNotSent() {
        var round = RelayRound(keys: ["a", "b", "a", "b"])
        round.settle([.unroutable(reason: "no queue"), .confirmed])
        #expect(round.wave == [3])
        round.settle([.confirmed])
        #expect(round.outcomes == [.unroutable(reason: "no queue"), .confirmed, nil, .confirmed])
    }

    @Test func aFailureOfTheBrokerEndsTheRound() {
        var round = RelayRound(keys: ["a", "b", "a", "b"])
        round.settle([.confirmed, .failed(reason: "nack")])
        #expect(round.wave.isEmpty)
        #expect(round.outcomes == [.confirmed, .failed(reason: "nack"), nil, nil])
    }

    @Test func aRoundMayEndBeforeItsTime() {
        var round = RelayRound(keys: ["a", "a"])
        round.settle([.confirmed])
        round.stop()
        #expect(round.wave.isEmpty)
        #expect(round.outcomes == [.confirmed, nil])
    }

    @Test func noRowsNoRound() {
        #expect(RelayRound(keys: [String]()).wave.isEmpty)
    }
}
