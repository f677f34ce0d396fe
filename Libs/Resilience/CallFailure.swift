/// What the error of a call says of the service.
package enum CallFailure: Sendable, Hashable {
    /// The service answered: what it said is the caller's matter.
    case answered
    /// No service has seen the call, and none was there to see it.
    case unsent
    /// The connection broke while the call was under way; many calls can end by the same break.
    case lost
    /// The service, or what stands before it, said that it cannot answer now.
    case unavailable
    /// The service did not answer in the time that it had.
    case timedOut
    /// One of the servers of the service did not answer; others are asked in its place from now on.
    case replaced
    /// The caller left.
    case cancelled
}

/// Why a call was not made.
package enum CallRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The service did not answer others; the circuit is open for so long.
    case circuitOpen(retryAfter: Duration)
    /// As many calls as may be are under way, and as many wait.
    case full
    /// The time was over before there was room for the call.
    case timedOut

    package var description: String {
        switch self {
        case .circuitOpen: "the circuit is open"
        case .full: "too many calls are under way"
        case .timedOut: "no room in time"
        }
    }
}
