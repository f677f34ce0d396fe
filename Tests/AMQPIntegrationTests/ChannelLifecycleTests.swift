import Testing

@testable import AMQP

/// A channel opened, set up, lost and opened again.
@Suite struct ChannelLifecycleTests {
    private let start = ContinuousClock.now

    private func lifecycle() -> ChannelLifecycle {
        ChannelLifecycle(
            backoff: Backoff(base: .milliseconds(100), cap: .seconds(2)), replyTimeout: .seconds(10))
    }

    @Test func asksForOneThingAfterTheOther() throws {
        var lifecycle = lifecycle()
        #expect(lifecycle.open(setup: [.qos(prefetch: 5), .confirmSelect], now: start) == .channelOpen)
        #expect(lifecycle.deadline == start + .seconds(10))
        let later = start + .seconds(1)
        #expect(try lifecycle.completed(.channelOpen, now: later) == .send(.qos(prefetch: 5)))
        #expect(lifecycle.deadline == later + .seconds(10))
        #expect(try lifecycle.completed(.qos, now: later) == .send(.confirmSelect))
        #expect(try lifecycle.completed(.confirmSelect, now: later) == .up)
        #expect(lifecycle.phase == .up && lifecycle.deadline == nil)
    }

    @Test func refusesAnAnswerNothingWaitsFor() throws {
        var fresh = lifecycle()
        #expect(throws: AMQPError.self) { try fresh.completed(.channelOpen, now: start) }
        var opening = lifecycle()
        _ = opening.open(setup: [.confirmSelect], now: start)
        let error = #expect(throws: AMQPError.self) { try opening.completed(.qos, now: start) }
        #expect(error?.code == .protocolViolation)
    }

    @Test func pausesLongerAfterEachQuickLoss() throws {
        var lifecycle = lifecycle()
        var generator = MaximalGenerator()
        var pauses: [Duration] = []
        for _ in 0..<6 {
            _ = lifecycle.open(setup: [], now: start)
            #expect(try lifecycle.completed(.channelOpen, now: start) == .up)
            lifecycle.lost(now: start, using: &generator)
            pauses.append(try #require(lifecycle.deadline) - start)
        }
        #expect(pauses == [100, 200, 400, 800, 1600, 2000].map { .milliseconds($0) })
    }

    @Test func startsOverAfterAChannelThatLasted() throws {
        var lifecycle = lifecycle()
        var generator = MaximalGenerator()
        for _ in 0..<5 { lifecycle.lost(now: start, using: &generator) }
        _ = lifecycle.open(setup: [], now: start)
        #expect(try lifecycle.completed(.channelOpen, now: start) == .up)
        let later = start + .seconds(6)
        lifecycle.lost(now: later, using: &generator)
        #expect(lifecycle.deadline == later + .milliseconds(100))
    }

    @Test func opensAtOnceWithTheNextConnection() {
        var lifecycle = lifecycle()
        var generator = MaximalGenerator()
        lifecycle.lost(now: start, using: &generator)
        lifecycle.connectionLost()
        #expect(lifecycle.phase == .down(retryAt: nil))
    }
}

/// Draws the upper end of every range.
struct MaximalGenerator: RandomNumberGenerator {
    mutating func next() -> UInt64 { .max }
}
