/// How long to wait before the next try: full jitter (a random share of a bound that grows), on an injected source of chance.
package struct RetryPolicy: Sendable, Hashable {
    /// The bounds after the first, second, … failure of a handler; when they are used up the event is parked.
    package let handlerBounds: [Duration]
    /// The bound after the first transient failure; it doubles with each further one.
    package let transientBase: Duration
    /// The bound that waiting for a transient failure to pass never exceeds.
    package let transientLimit: Duration

    /// 1, 2 and 4 seconds for handlers; 100 ms doubling to 5 s while the database is away.
    package static let standard = RetryPolicy(
        handlerBounds: [.seconds(1), .seconds(2), .seconds(4)], transientBase: .milliseconds(100),
        transientLimit: .seconds(5))

    /// Takes the bounds.
    package init(handlerBounds: [Duration], transientBase: Duration, transientLimit: Duration) {
        self.handlerBounds = handlerBounds
        self.transientBase = transientBase
        self.transientLimit = transientLimit
    }

    /// The wait after this many failures of the handler, nil when there shall be no further try.
    func handlerDelay(afterFailures failures: Int, using random: inout some RandomNumberGenerator) -> Duration? {
        guard failures <= handlerBounds.count else { return nil }
        return Self.jittered(handlerBounds[failures - 1], using: &random)
    }

    /// The wait after this many transient failures in a row, never nil: they spend no attempts.
    func transientDelay(afterFailures failures: Int, using random: inout some RandomNumberGenerator) -> Duration {
        Self.jittered(Self.doubled(transientBase, times: failures - 1, limit: transientLimit), using: &random)
    }

    static func doubled(_ base: Duration, times: Int, limit: Duration) -> Duration {
        var bound = base
        for _ in 0..<max(0, times) {
            bound = bound * 2
            if bound >= limit { return limit }
        }
        return min(bound, limit)
    }

    static func jittered(_ bound: Duration, using random: inout some RandomNumberGenerator) -> Duration {
        bound * Double.random(in: 0...1, using: &random)
    }
}
