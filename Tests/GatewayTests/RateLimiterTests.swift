import Chronology
import EventLoop
import Synchronization
import Testing

@testable import GatewayAPI

@Suite struct RateLimiterTests {
    /// A clock that a test moves.
    private final class Clock: Sendable {
        private let state = Mutex(Duration.seconds(1_000_000))
        var now: Duration { state.withLock { $0 } }
        func advance(_ step: Duration) { state.withLock { $0 += step } }
    }

    private let clock = Clock()
    private let user = RateLimitSubject.user(.make())

    private func limiter(maximumSubjects: Int = 1000) -> MemoryRateLimiter {
        MemoryRateLimiter(maximumSubjects: maximumSubjects) { [clock] in clock.now }
    }

    @Test func countsDownAndRefuses() async {
        let limiter = limiter()
        let policy = RateLimitPolicy(name: "p", quota: 3)
        for left in [2, 1, 0] {
            let decision = await limiter.admit(user, policy)
            #expect(decision.isAdmitted && decision.remaining == left && decision.reset == 60)
        }
        clock.advance(.seconds(20))
        let refused = limiter.decide(user, policy)
        #expect(!refused.isAdmitted && refused.remaining == 0 && refused.reset == 41)
        #expect(
            refused.fields.map(\.value) == [#""p";q=3;w=60"#, #""p";r=0;t=41"#])
        clock.advance(.milliseconds(40_250))
        #expect(limiter.decide(user, policy).remaining == 2)
    }

    @Test func subjectsAndPoliciesAreCountedApart() {
        let limiter = limiter()
        let policies = [RateLimitPolicy(name: "a", quota: 1), RateLimitPolicy(name: "b", quota: 1)]
        for policy in policies {
            #expect(limiter.decide(user, policy).isAdmitted && !limiter.decide(user, policy).isAdmitted)
            #expect(limiter.decide(.user(.make()), policy).isAdmitted)
        }
    }

    /// Bursts and pauses at random: no stretch of 60 seconds has more than the quota.
    @Test(arguments: 1...5) func noWindowHasMoreThanTheQuota(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        let limiter = limiter()
        let policy = RateLimitPolicy(name: "p", quota: 100)
        var admitted: [Duration] = []
        for _ in 0..<20_000 {
            clock.advance(.milliseconds(Int64.random(in: 0...400, using: &random)))
            if Int.random(in: 0..<200, using: &random) == 0 { clock.advance(.seconds(30)) }
            if limiter.decide(user, policy).isAdmitted { admitted.append(clock.now) }
        }
        var first = 0
        for (index, time) in admitted.enumerated() {
            while admitted[first] <= time - .seconds(60) { first += 1 }
            #expect(index - first + 1 <= policy.quota)
        }
        #expect(admitted.count > 1000)
    }

    @Test func aSteadyCallerAtTheLimitGetsNinetyNinePercent() {
        let limiter = limiter()
        let policy = RateLimitPolicy(name: "p", quota: 1000)
        var perMinute: [Int] = []
        for _ in 0..<5 {
            var admitted = 0
            for _ in 0..<1000 {
                clock.advance(.milliseconds(60))
                if limiter.decide(user, policy).isAdmitted { admitted += 1 }
            }
            perMinute.append(admitted)
        }
        #expect(perMinute.allSatisfy { (990...1000).contains($0) }, "\(perMinute)")
    }

    @Test func aFloodOfSubjectsCostsNoMemoryAndNotThoseWhoAreKnown() {
        let limiter = limiter(maximumSubjects: 100)
        let policy = RateLimitPolicy(name: "p", quota: 50)
        #expect(limiter.decide(user, policy).remaining == 49)
        let admitted = (0..<1000).count { _ in limiter.decide(.user(.make()), policy).isAdmitted }
        #expect(limiter.subjects == 101)
        #expect(admitted == 99 + 50)
        #expect(limiter.decide(user, policy).remaining == 48)
        clock.advance(.seconds(80))
        #expect(limiter.decide(user, policy).isAdmitted)
        #expect(limiter.subjects == 1)
    }

    @Test func anIPv6NetworkIsOneSubject() {
        let number: UInt128 = 0x2001_0DB8_0000_0001_0000_0000_0000_0001
        #expect(RateLimitSubject(address: .v6(number)) == RateLimitSubject(address: .v6(number + 1)))
        #expect(RateLimitSubject(address: .v6(number)) != RateLimitSubject(address: .v6(number + (1 << 64))))
        #expect(RateLimitSubject(address: .v4(1)) != RateLimitSubject(address: .v4(2)))
    }
}

/// Numbers that a seed repeats.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
