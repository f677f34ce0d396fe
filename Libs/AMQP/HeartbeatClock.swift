/// When to send a heartbeat and when to believe the peer dead (AMQP 0-9-1, 4.2.7). RabbitMQ sends one every half
/// interval, so three in a row are missing when one and a half intervals pass in silence.
struct HeartbeatClock: Sendable {
    /// What is due.
    enum Verdict: Hashable {
        /// Nothing until then; `nil` when heartbeats are off.
        case quiet(until: ContinuousClock.Instant?)
        case send
        case peerIsDead
    }

    private let interval: Duration?
    private var lastSent: ContinuousClock.Instant
    private var lastReceived: ContinuousClock.Instant

    init(interval: Duration?, now: ContinuousClock.Instant) {
        self.interval = interval
        lastSent = now
        lastReceived = now
    }

    /// Bytes were written; any frame counts as a heartbeat.
    mutating func sent(at now: ContinuousClock.Instant) { lastSent = now }

    /// Bytes arrived.
    mutating func received(at now: ContinuousClock.Instant) { lastReceived = now }

    func verdict(at now: ContinuousClock.Instant) -> Verdict {
        guard let interval else { return .quiet(until: nil) }
        let death = lastReceived + interval * 3 / 2
        if now >= death { return .peerIsDead }
        let sending = lastSent + interval / 2
        return now >= sending ? .send : .quiet(until: min(sending, death))
    }
}
