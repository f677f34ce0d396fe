/// Stops calls to a service that does not answer, and finds out by one call at a time whether it does again.
///
/// A value that is told the time; whoever calls asks `admit` before each attempt and tells by `record` how it ended.
package struct CircuitBreaker: Sendable {
    /// When the circuit opens and for how long.
    package struct Policy: Sendable, Hashable {
        /// The failures within `window` that open the circuit.
        package var failures = 5
        /// How far back failures count.
        package var window = Duration.seconds(10)
        /// How long an open circuit lets nothing through.
        package var pause = Duration.seconds(30)

        package init() {}
    }

    /// Where the circuit stands.
    package enum State: Sendable, Hashable {
        /// Calls go through.
        case closed
        /// Nothing goes through until then.
        case open(until: Duration)
        /// One call is on its way to find out.
        case halfOpen
    }

    /// Leave to make one attempt. What is recorded with a permit of an earlier state has no effect on the present one.
    package struct Permit: Sendable, Hashable {
        fileprivate let era: Int
        /// Whether the attempt decides over the circuit.
        package let isProbe: Bool
    }

    /// How an attempt ended.
    package enum Outcome: Sendable, Hashable {
        /// The service answered, whatever it said.
        case answered
        /// It did not.
        case failed
        /// One of its servers did not, and is not asked any more: what failed before is put down to it.
        case replaced
        /// Nothing is known, since nobody waited for it.
        case unknown
    }

    /// No attempt may be made; another look makes sense after that time.
    package struct Refused: Error, Sendable, Hashable {
        package let retryAfter: Duration
    }

    /// What is said to those that come while a probe is on its way.
    private static let probeWait = Duration.seconds(1)

    private let policy: Policy
    private var failures: [Duration] = []
    private var era = 0
    /// Where the circuit stands; an open one whose time is over lets the next call through as a probe.
    package private(set) var state = State.closed

    package init(_ policy: Policy = Policy()) {
        precondition(policy.failures > 0 && policy.window > .zero && policy.pause > .zero, "a policy that can open")
        self.policy = policy
    }

    /// Leave for one attempt.
    package mutating func admit(at now: Duration) throws(Refused) -> Permit {
        switch state {
        case .closed: return Permit(era: era, isProbe: false)
        case .halfOpen: throw Refused(retryAfter: Self.probeWait)
        case .open(let end):
            guard now >= end else { throw Refused(retryAfter: end - now) }
            enter(.halfOpen)
            return Permit(era: era, isProbe: true)
        }
    }

    /// Notes how an attempt ended.
    package mutating func record(_ outcome: Outcome, of permit: Permit, at now: Duration) {
        guard permit.era == era else { return }
        switch (outcome, permit.isProbe) {
        case (.answered, true): enter(.closed)
        case (.failed, true): enter(.open(until: now + policy.pause))
        // The next call is to find out at once.
        case (.unknown, true), (.replaced, true): enter(.open(until: now))
        case (.failed, false): addFailure(at: now)
        case (.replaced, false): failures = []
        case (.answered, false), (.unknown, false): break
        }
    }

    private mutating func addFailure(at now: Duration) {
        failures.removeAll { $0 <= now - policy.window }
        failures.append(now)
        if failures.count >= policy.failures { enter(.open(until: now + policy.pause)) }
    }

    private mutating func enter(_ state: State) {
        self.state = state
        era += 1
        failures = []
    }
}
