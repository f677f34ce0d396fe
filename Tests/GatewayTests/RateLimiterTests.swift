import Chronology
import EventLoop
import Testing

@testable import GatewayAPI

@Suite struct RateLimiterTests {
    private let clock = MovedClock()
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
        #expect(!refused.isAdmitted && refused.remaining == 0 && refused.reset == 40)
        #expect(
            refused.fields.map(\.value) == [#""p";q=3;w=60"#, #""p";r=0;t=40"#])
        clock.advance(.seconds(40) - .nanoseconds(1))
        #expect(!limiter.decide(user, policy).isAdmitted)
        clock.advance(.nanoseconds(1))
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

    @Test func aFloodOfSubjectsCostsNoMemoryAndNotThoseWhoAreKnown() {
        let limiter = limiter(maximumSubjects: 100)
        let policy = RateLimitPolicy(name: "p", quota: 50)
        #expect(limiter.decide(user, policy).remaining == 49)
        let admitted = (0..<1000).count { _ in limiter.decide(.user(.make()), policy).isAdmitted }
        #expect(limiter.subjects == 101)
        #expect(admitted == 99 + 50)
        #expect(limiter.decide(user, policy).remaining == 48)
        // What is counted under another policy has room of its own.
        let other = RateLimitPolicy(name: "q", quota: 50)
        #expect(limiter.decide(.user(.make()), other).remaining == 49)
        clock.advance(.seconds(80))
        #expect(limiter.decide(user, policy).isAdmitted)
        #expect(limiter.subjects == 2)
    }

    /// Whoever is over the quota stays there, however many others come, until the window has passed.
    @Test func nobodyIsForgottenToMakeRoom() {
        let limiter = limiter(maximumSubjects: 100)
        let policy = RateLimitPolicy(name: "p", quota: 2)
        #expect(limiter.decide(user, policy).isAdmitted && limiter.decide(user, policy).isAdmitted)
        for second in 1..<60 {
            clock.advance(.seconds(1))
            for _ in 0..<50 { _ = limiter.decide(.user(.make()), policy) }
            #expect(!limiter.decide(user, policy).isAdmitted, "after \(second) s")
        }
        clock.advance(.seconds(61))
        #expect(limiter.decide(user, policy).isAdmitted)
    }

    /// To be asked how somebody stands changes nothing, whether they are known, new or without room.
    @Test func whoeverAsksIsNotCounted() {
        let limiter = limiter(maximumSubjects: 1)
        let policy = RateLimitPolicy(name: "p", quota: 2)
        func standing(_ subject: RateLimitSubject) -> [Int] {
            let told = limiter.standing(of: subject, under: policy)
            #expect(told.policy == policy && told.isAdmitted == (told.remaining > 0))
            return [told.remaining, told.reset]
        }
        #expect(standing(user) == [2, 0] && limiter.subjects == 0)
        #expect(limiter.decide(user, policy).remaining == 1)
        clock.advance(.seconds(10))
        #expect(standing(user) == [1, 50] && standing(user) == [1, 50])
        #expect(limiter.decide(user, policy).remaining == 0)
        #expect(standing(user) == [0, 50] && !limiter.decide(user, policy).isAdmitted)
        // Who has no room has what all of those have together.
        #expect(standing(.user(.make())) == [2, 0] && limiter.subjects == 1)
        #expect(limiter.decide(.user(.make()), policy).remaining == 1)
        #expect(standing(.user(.make())) == [1, 60] && limiter.subjects == 2)
        clock.advance(.seconds(50))
        #expect(standing(user) == [1, 10] && standing(user) == [1, 10])
        clock.advance(.seconds(10))
        #expect(standing(user) == [2, 0] && limiter.decide(user, policy).remaining == 1)
    }

    @Test func theSystemsClockGoesOn() {
        let limiter = MemoryRateLimiter()
        let policy = RateLimitPolicy(name: "p", quota: 1, window: .seconds(1))
        #expect(limiter.decide(user, policy).isAdmitted && !limiter.decide(user, policy).isAdmitted)
        let now = MemoryRateLimiter.clock()
        let first = now()
        while now() - first < .milliseconds(1100) {}
        #expect(limiter.decide(user, policy).isAdmitted)
    }

    @Test func anIPv6NetworkIsOneSubject() {
        let number: UInt128 = 0x2001_0DB8_0000_0001_0000_0000_0000_0001
        #expect(RateLimitSubject(address: .v6(number)) == RateLimitSubject(address: .v6(number + 1)))
        #expect(RateLimitSubject(address: .v6(number)) != RateLimitSubject(address: .v6(number + (1 << 64))))
        #expect(RateLimitSubject(address: .v4(1)) != RateLimitSubject(address: .v4(2)))
    }
}
