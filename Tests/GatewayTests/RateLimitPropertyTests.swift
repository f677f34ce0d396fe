import Chronology
import TestKit
import Testing

@testable import GatewayAPI

/// What holds of the rate limit for every way to ask: judged by a list of all times at which something was admitted, which
/// shares nothing with the limiter.
@Suite struct RateLimitPropertyTests {
    private static let policy = RateLimitPolicy(name: "p", quota: 1000)
    private let user = RateLimitSubject.user(.make())

    /// How a client asks: the pause before each request.
    struct Pattern: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Whether it asks for at least the quota in every window, always in the same way.
        let isGreedy: Bool
        let pause: @Sendable (Int, inout SeededGenerator) -> Duration
    }

    private static let evenly: @Sendable (Double) -> @Sendable (Int, inout SeededGenerator) -> Duration = { rate in
        { _, _ in .nanoseconds(Int64(60_000_000 / rate)) }
    }

    static let patterns = [
        Pattern(testDescription: "at the limit", isGreedy: true, pause: evenly(1)),
        Pattern(testDescription: "5 % above", isGreedy: true, pause: evenly(1.05)),
        Pattern(testDescription: "twice the limit", isGreedy: true, pause: evenly(2)),
        Pattern(testDescription: "ten times the limit", isGreedy: true, pause: evenly(10)),
        Pattern(testDescription: "all at once, as often as allowed", isGreedy: true) { number, _ in
            number % 1000 == 0 ? .seconds(60) : .zero
        },
        Pattern(testDescription: "bursts of 200, twice the limit", isGreedy: true) { number, _ in
            number % 200 == 0 ? .seconds(6) - .microseconds(199 * 3) : .microseconds(3)
        },
        Pattern(testDescription: "about the limit, unevenly", isGreedy: false) { _, random in
            .microseconds(Int64.random(in: 0...100_000, using: &random))
        },
        Pattern(testDescription: "bursts and pauses at random", isGreedy: false) { _, random in
            switch Int.random(in: 0..<400, using: &random) {
            case 0: .milliseconds(Int64.random(in: 0...45_000, using: &random))
            case 1..<200: .microseconds(Int64.random(in: 0...900, using: &random))
            default: .milliseconds(Int64.random(in: 0...70, using: &random))
            }
        },
        Pattern(testDescription: "just below the window's end", isGreedy: false) { number, random in
            number % 1000 == 999 ? .seconds(60) - .nanoseconds(Int64.random(in: 0...2_000_000, using: &random)) : .zero
        },
    ]

    /// No stretch of 60 s holds more than the quota; whoever asks for it has at least 99 % of it in each stretch; and nobody
    /// gets less than from a log of every single request.
    @Test(arguments: patterns, 1...3 as ClosedRange<UInt64>)
    func everyWindow(_ pattern: Pattern, _ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let clock = MovedClock()
        let limiter = MemoryRateLimiter { clock.now }
        var admitted: [Duration] = []
        let start = clock.now
        var number = 0
        var log: [Duration] = []
        while clock.now - start < .seconds(400), number < 25_000 {
            clock.advance(pattern.pause(number, &random))
            number += 1
            if limiter.decide(user, Self.policy).isAdmitted { admitted.append(clock.now) }
            if log.dropLast(Self.policy.quota - 1).last.map({ $0 <= clock.now - .seconds(60) }) ?? true {
                log.append(clock.now)
            }
        }
        try #require(admitted.count > 2000)
        #expect(admitted.count * 100 >= log.count * 99, "\(admitted.count) of \(log.count)")
        // A window with more than the quota would begin with one of them.
        let fullest = zip(admitted, admitted.dropFirst(Self.policy.quota)).map { $1 - $0 }.min()
        #expect(try #require(fullest) >= .seconds(60))
        guard pattern.isGreedy else { return }
        // The emptiest window begins just after one of them.
        var next = 0
        var emptiest = Int.max
        for (index, time) in admitted.enumerated() where time + .seconds(60) < clock.now {
            while next < admitted.count, admitted[next] <= time + .seconds(60) { next += 1 }
            emptiest = min(emptiest, next - index - 1)
        }
        #expect((990...1000).contains(emptiest), "\(emptiest)")
    }

    /// As many requests as the fields say remain are admitted at once and not one more; after as many seconds as they say
    /// there is room for at least one, and a second earlier for none.
    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func theFieldsAreTrue(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let quota = Int.random(in: 1...60, using: &random)
        let window = Int64(60_000_000_000)
        var state = SlidingWindow()
        var time = Int64(5_000_000_000)
        let seen = MovedClock()
        let limiter = MemoryRateLimiter { seen.now }
        let origin = seen.now
        for _ in 0..<3000 {
            time += Int64.random(in: 0...3_000_000_000, using: &random)
            seen.advance(origin + .nanoseconds(time) - seen.now)
            let isAdmitted = state.admit(at: time, quota: quota, window: window)
            let decision = limiter.decide(user, RateLimitPolicy(name: "p", quota: quota))
            #expect(decision.isAdmitted == isAdmitted)
            var fork = state
            let further = (0...quota).count { _ in fork.admit(at: time, quota: quota, window: window) }
            #expect(decision.remaining == further)
            #expect((1...60).contains(decision.reset))
            let reset = Int64(decision.reset) * 1_000_000_000
            var early = fork
            let isEarly = early.admit(at: time + reset - 1_000_000_000, quota: quota, window: window)
            let isBack = fork.admit(at: time + reset, quota: quota, window: window)
            #expect(!isEarly && isBack)
        }
    }

    /// What a caller is remembered by grows neither with the quota nor with time.
    @Test func memoryIsBounded() {
        var state = SlidingWindow()
        let admitted = (0..<300_000 as Range<Int64>).count { request in
            state.admit(at: request * 10_000, quota: 10_000_000, window: 1_000_000_000)
        }
        #expect(admitted == 300_000 && state.used == 100_000)
        #expect(state.entries <= 2200)
    }
}
