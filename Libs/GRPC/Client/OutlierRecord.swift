/// How one of several addresses has answered, and whether it is spared for a while because it did not.
struct OutlierRecord {
    private let policy: GRPCChannel.Ejection
    private var failures = 0
    private var ejections = 0
    private var end: Duration?
    /// When a call was sent that is to show whether the address answers again.
    private var probedAt: Duration?

    init(_ policy: GRPCChannel.Ejection = GRPCChannel.Ejection()) { self.policy = policy }

    /// Whether the address is to be spared now.
    func isEjected(at now: Duration) -> Bool { end.map { now < $0 } ?? false }

    /// Whether a call may go to the address now. After an ejection one goes at a time, until one is answered; a probe that is not
    /// over after the first ejection's time is not waited for.
    func mayBeAsked(at now: Duration) -> Bool {
        guard !isEjected(at: now) else { return false }
        return probedAt.map { now >= $0 + policy.base } ?? true
    }

    /// Notes that a call goes to the address; whether it is a probe, whose end is to be told by `probeEnded`.
    mutating func sent(at now: Duration) -> Bool {
        guard ejections > 0, !isEjected(at: now) else { return false }
        probedAt = now
        return true
    }

    /// A probe is over.
    mutating func probeEnded() { probedAt = nil }

    /// Notes how a call ended that was sent to the address. One failure is enough where the last ejection was not followed by
    /// an answer.
    mutating func note(_ status: GRPCStatus, at now: Duration, mayEject: Bool) {
        switch (status.code, status.origin) {
        // It says nothing of the address that no call reached it, or that the caller left.
        case (_, .unsent), (.cancelled, .caller): return
        case (.unavailable, _), (.deadlineExceeded, _): failures += 1
        default:
            failures = 0
            if !isEjected(at: now) { ejections = 0 }
        }
        let allowed = ejections > 0 ? 1 : policy.failures
        guard failures >= allowed, mayEject, !isEjected(at: now) else { return }
        failures = 0
        ejections += 1
        end = now + min(policy.base * ejections, policy.maximum)
    }
}
