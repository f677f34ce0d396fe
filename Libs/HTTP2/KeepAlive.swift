/// Decides when to ask a silent peer whether it is still there, and when to give it up.
///
/// A value: the owner tells it what arrived and asks at each timer what to do.
struct KeepAlive: Sendable {
    /// What the owner does now.
    enum Action: Sendable, Hashable {
        /// Ask again after this long.
        case wait(Duration)
        /// Send a ping, and ask again after this long.
        case ping(Duration)
        /// The peer did not answer: drop the connection.
        case giveUp
    }

    /// How long silence lasts before a ping.
    let interval: Duration
    /// How long the peer has for an answer.
    let timeout: Duration
    private var lastReceived: Duration
    private var pingSent: Duration?

    init(interval: Duration, timeout: Duration, now: Duration) {
        self.interval = interval
        self.timeout = timeout
        lastReceived = now
    }

    /// Bytes arrived, of whatever kind.
    mutating func received(at now: Duration) {
        lastReceived = now
        pingSent = nil
    }

    /// The timer fired.
    mutating func timerFired(at now: Duration) -> Action {
        if let pingSent {
            let waited = now - pingSent
            return waited >= timeout ? .giveUp : .wait(timeout - waited)
        }
        let silence = now - lastReceived
        guard silence >= interval else { return .wait(interval - silence) }
        pingSent = now
        return .ping(timeout)
    }
}
