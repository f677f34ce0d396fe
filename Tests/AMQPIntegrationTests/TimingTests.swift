import Testing
import TestKit

@testable import AMQP

/// Pauses between attempts.
@Suite struct BackoffTests {
    @Test func doublesItsCeilingUpToTheCap() {
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(2))
        var generator = SeededGenerator(seed: 1)
        var ceilings: [Duration] = []
        for _ in 0..<7 {
            ceilings.append(backoff.ceiling)
            _ = backoff.next(using: &generator)
        }
        #expect(ceilings == [100, 200, 400, 800, 1600, 2000, 2000].map { .milliseconds($0) })
        backoff.reset()
        #expect(backoff.ceiling == .milliseconds(100))
    }

    @Test func drawsEvenlyFromZeroToTheCeiling() {
        var generator = SeededGenerator(seed: 2)
        var drawn: [Duration] = []
        for _ in 0..<2000 {
            var backoff = Backoff(base: .seconds(1), cap: .seconds(1))
            drawn.append(backoff.next(using: &generator))
        }
        #expect(drawn.allSatisfy { $0 >= .zero && $0 <= .seconds(1) })
        for quarter in 0..<4 {
            let range = Duration.milliseconds(250 * quarter)..<Duration.milliseconds(250 * (quarter + 1))
            #expect(drawn.count { range.contains($0) } > 400)
        }
    }

    @Test func survivesAnyNumberOfAttempts() {
        var backoff = Backoff(base: .milliseconds(100), cap: .seconds(2))
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<1000 { #expect(backoff.next(using: &generator) <= .seconds(2)) }
    }
}

/// Heartbeats sent and missed.
@Suite struct HeartbeatClockTests {
    private let start = ContinuousClock.now

    private func clock() -> HeartbeatClock { HeartbeatClock(interval: .seconds(10), now: start) }

    @Test func sendsAfterHalfAnIntervalOfSilence() {
        var clock = clock()
        #expect(clock.verdict(at: start) == .quiet(until: start + .seconds(5)))
        #expect(clock.verdict(at: start + .seconds(5)) == .send)
        clock.sent(at: start + .seconds(4))
        #expect(clock.verdict(at: start + .seconds(5)) == .quiet(until: start + .seconds(9)))
    }

    @Test func believesThePeerDeadAfterOneAndAHalf() {
        var clock = clock()
        for second in stride(from: 0, to: 15, by: 4) { clock.sent(at: start + .seconds(second)) }
        #expect(clock.verdict(at: start + .seconds(14)) == .quiet(until: start + .seconds(15)))
        #expect(clock.verdict(at: start + .seconds(15)) == .peerIsDead)
        clock.received(at: start + .seconds(15))
        #expect(clock.verdict(at: start + .seconds(15)) == .quiet(until: start + .seconds(17)))
    }

    @Test func isSilentWithoutAnInterval() {
        let clock = HeartbeatClock(interval: nil, now: start)
        #expect(clock.verdict(at: start + .seconds(100_000)) == .quiet(until: nil))
    }
}

/// Waiting for a condition with a bound.
@Suite struct ReadinessTests {
    @Test func letsEveryoneThroughOnceItHolds() async throws {
        let readiness = Readiness()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { try await readiness.wait(timeout: patience) } }
            readiness.markReady()
            try await group.waitForAll()
        }
        try await readiness.wait(timeout: .zero)
        readiness.markNotReady()
        let error = await #expect(throws: AMQPError.self) { try await readiness.wait(timeout: .zero) }
        #expect(error?.code == .timedOut)
    }

    @Test func failsPresentAndFutureWaits() async {
        let readiness = Readiness()
        let waiting = Task { await #expect(throws: AMQPError.self) { try await readiness.wait(timeout: patience) } }
        readiness.fail(AMQPError(.shutDown, "over"))
        #expect(await waiting.value?.code == .shutDown)
        let error = await #expect(throws: AMQPError.self) { try await readiness.wait(timeout: patience) }
        #expect(error?.code == .shutDown)
    }

    @Test func endsWithItsTask() async {
        let readiness = Readiness()
        let waiting = Task {
            await #expect(throws: AMQPError.self) { try await readiness.wait(timeout: .seconds(3600)) }
        }
        waiting.cancel()
        #expect(await waiting.value?.code == .cancelled)
    }
}
