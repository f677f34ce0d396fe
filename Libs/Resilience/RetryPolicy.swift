/// How often a call is tried and how long each wait is: exponential with full jitter, so that callers that failed together
/// do not return together.
package struct RetryPolicy: Sendable, Hashable {
    /// The most attempts of a call, the first one included.
    package var attempts = 3
    /// The longest wait before the second attempt; it doubles for each further one.
    package var base = Duration.milliseconds(50)
    /// No wait is longer.
    package var maximum = Duration.milliseconds(500)

    package init() {}

    /// The wait after that many attempts, anywhere between nothing and the most; nil when there is to be no further attempt.
    package func delay(after attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration? {
        guard attempt >= 1, attempt < attempts else { return nil }
        var longest = base
        for _ in 1..<attempt where longest < maximum { longest *= 2 }
        return min(longest, maximum) * Double.random(in: 0...1, using: &generator)
    }
}

/// Which failures of a call allow that it is made again.
package enum Repetition: Sendable, Hashable {
    /// Any: the call only reads.
    case always
    /// Only those where no service has seen the call.
    case whenUnsent

    /// Whether a call that failed like that may be made again.
    package func allows(_ failure: CallFailure) -> Bool {
        switch failure {
        case .unsent: true
        case .lost, .unavailable, .replaced: self == .always
        case .answered, .timedOut, .cancelled: false
        }
    }
}
