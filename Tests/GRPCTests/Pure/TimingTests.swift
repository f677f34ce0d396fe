import Testing

@testable import GRPC

@Suite struct TimingTests {
    @Test func backoffGrowsToItsMaximum() {
        var backoff = Backoff(initial: .milliseconds(100), factor: 2, maximum: .seconds(1), jitter: 0)
        let delays = (0..<6).map { _ in backoff.nextDelay() }
        #expect(delays == [100, 200, 400, 800, 1000, 1000].map { .milliseconds($0) })
        #expect(backoff.failures == 6)
        backoff.reset()
        #expect(backoff.nextDelay() == .milliseconds(100))
        for _ in 0..<10_000 { #expect(backoff.nextDelay() <= .seconds(1)) }
    }

    @Test func backoffIsJittered() {
        let delays = (0..<200).map { _ in
            var backoff = Backoff(initial: .seconds(1), maximum: .seconds(10), jitter: 0.2)
            return backoff.nextDelay()
        }
        #expect(delays.allSatisfy { $0 >= .milliseconds(799) && $0 <= .milliseconds(1201) })
        #expect(Set(delays).count > 100)
    }
}
