/// Waiting times between attempts to connect: exponential with jitter (grpc/grpc: doc/connection-backoff.md).
package struct Backoff: Sendable, Hashable {
    /// The wait before the second attempt.
    package var initial: Duration
    /// What each wait is multiplied by for the next.
    package var factor: Double
    /// No wait is longer than this, jitter aside.
    package var maximum: Duration
    /// Each wait is off by up to this share of it, either way, so that clients do not return all at once.
    package var jitter: Double
    /// Attempts that failed in a row.
    package private(set) var failures = 0

    /// Waits from `initial` to `maximum`; no failure yet.
    package init(
        initial: Duration = .milliseconds(100), factor: Double = 1.6, maximum: Duration = .seconds(10),
        jitter: Double = 0.2
    ) {
        self.initial = initial
        self.factor = factor
        self.maximum = maximum
        self.jitter = jitter
    }

    /// Notes a failure and gives the time to wait before the next attempt.
    package mutating func nextDelay() -> Duration {
        var generator = SystemRandomNumberGenerator()
        return nextDelay(using: &generator)
    }

    /// The same with a source of chance of the caller's.
    package mutating func nextDelay(using generator: inout some RandomNumberGenerator) -> Duration {
        var delay = initial
        for _ in 0..<min(failures, 64) where delay < maximum { delay = delay * factor }
        failures += 1
        return min(delay, maximum) * Double.random(in: 1 - jitter...1 + jitter, using: &generator)
    }

    /// Forgets the failures, after a connection that held.
    package mutating func reset() { failures = 0 }
}
