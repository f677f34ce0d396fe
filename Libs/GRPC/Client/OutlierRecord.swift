/// How one of several addresses has answered, and whether it is spared for a while because it did not.
struct OutlierRecord {
    /// The failures in a row that eject an address.
    static let threshold = 5
    /// How long the first ejection lasts; each further one before a good answer as much longer.
    static let base = Duration.seconds(10)
    /// No ejection is longer.
    static let maximum = Duration.seconds(60)

    private var failures = 0
    private var ejections = 0
    private var end: Duration?

    /// Whether the address is to be spared now.
    func isEjected(at now: Duration) -> Bool { end.map { now < $0 } ?? false }

    /// Notes how a call ended that was sent to the address.
    mutating func note(_ status: GRPCStatus, at now: Duration, mayEject: Bool) {
        switch (status.code, status.origin) {
        // It says nothing of the address that no call reached it, or that the caller left.
        case (_, .unsent), (.cancelled, .caller): return
        case (.unavailable, _), (.deadlineExceeded, _): failures += 1
        default:
            failures = 0
            if !isEjected(at: now) { ejections = 0 }
        }
        guard failures >= Self.threshold, mayEject, !isEjected(at: now) else { return }
        failures = 0
        ejections += 1
        end = now + min(Self.base * ejections, Self.maximum)
    }
}
