/// When calls go to a server that refuses some: it may count streams as open for a moment longer than its client does, and
/// whoever then sends all that waits, and again, is refused all of it.
///
/// After a refusal nothing is sent for a pause; then one call, which finds out; then, unless it is refused as well, all: when a
/// call was answered, or after a while, since some take long.
struct Restraint {
    private enum Stage: Equatable {
        case free
        /// Nothing is sent.
        case pausing
        /// One call may go.
        case mayTry
        /// It went, and what it finds is waited for.
        case trying
    }

    /// Further refusals are final: the server does not only lag behind.
    private static let limit = 8
    private static let shortest = Duration.milliseconds(5)
    private static let longest = Duration.milliseconds(160)
    /// How long the call that finds out is waited for.
    private static let trial = Duration.milliseconds(200)

    private var stage = Stage.free
    /// The pauses in a row.
    private var pauses = 0

    /// Whether a call may be sent now.
    var allowsCall: Bool { stage == .free || stage == .mayTry }

    /// Whether a refused call may be sent again.
    var mayGoOn: Bool { pauses < Self.limit || stage == .pausing }

    private var pause: Duration { min(Self.shortest * (1 << max(0, pauses - 1)), Self.longest) }

    /// Notes a refusal; the pause that begins with it, nil for one of several at once.
    mutating func refused() -> Duration? {
        guard stage != .pausing else { return nil }
        stage = .pausing
        pauses += 1
        return pause
    }

    /// Notes that a call was sent; how long to wait for what it finds, nil where it was not the one that finds out.
    mutating func sent() -> Duration? {
        guard stage == .mayTry else { return nil }
        stage = .trying
        return Self.trial
    }

    /// The time is over that was asked for last.
    mutating func pauseEnded() { stage = stage == .pausing ? .mayTry : .free }

    /// Notes that a call was answered; true where all may go from now on that could not before.
    mutating func answered() -> Bool {
        pauses = 0
        guard stage == .mayTry || stage == .trying else { return false }
        stage = .free
        return true
    }
}
