/// The life of one channel: opened, set up method by method, used, lost, opened again after a pause.
struct ChannelLifecycle: Sendable {
    /// Where the channel is.
    enum Phase: Sendable, Hashable {
        /// Not open; to be opened at that time, or when the connection is back (`nil`).
        case down(retryAt: ContinuousClock.Instant?)
        /// Waiting for the answer to one of the methods that make it usable.
        case settingUp(awaiting: SynchronousReply, deadline: ContinuousClock.Instant)
        case up
    }

    private(set) var phase = Phase.down(retryAt: nil)
    private var remaining: ArraySlice<OutboundMethod> = []
    private var backoff: Backoff
    private let replyTimeout: Duration
    private var openedAt: ContinuousClock.Instant?

    init(backoff: Backoff, replyTimeout: Duration) {
        self.backoff = backoff
        self.replyTimeout = replyTimeout
    }

    /// Begins to open; `setup` follows `channel.open`.
    mutating func open(setup: [OutboundMethod], now: ContinuousClock.Instant) -> OutboundMethod {
        remaining = setup[...]
        phase = .settingUp(awaiting: .channelOpen, deadline: now + replyTimeout)
        return .channelOpen
    }

    /// What a reply leads to.
    enum Progress: Sendable, Hashable {
        case send(OutboundMethod)
        /// The last method of the set-up is answered.
        case up
    }

    /// A reply of the broker arrived.
    mutating func completed(
        _ reply: SynchronousReply, now: ContinuousClock.Instant
    ) throws(AMQPError) -> Progress {
        guard case .settingUp(reply, _) = phase else {
            throw AMQPError(.protocolViolation, "an answer arrived that nothing waits for: \(reply)")
        }
        guard let method = remaining.popFirst(), let next = method.reply else {
            phase = .up
            openedAt = now
            return .up
        }
        phase = .settingUp(awaiting: next, deadline: now + replyTimeout)
        return .send(method)
    }

    /// The channel is gone while the connection stays; plans the next attempt.
    mutating func lost(now: ContinuousClock.Instant, using generator: inout some RandomNumberGenerator) {
        // Only a channel that has lasted starts from a short pause again; one that fails at first use must not spin.
        if let openedAt, now - openedAt > .seconds(5) { backoff.reset() }
        openedAt = nil
        phase = .down(retryAt: now + backoff.next(using: &generator))
    }

    /// The connection is gone, and the channel with it.
    mutating func connectionLost() {
        openedAt = nil
        phase = .down(retryAt: nil)
    }

    /// When something is due: an attempt, or a reply that has not come.
    var deadline: ContinuousClock.Instant? {
        switch phase {
        case .down(let retryAt): retryAt
        case .settingUp(_, let deadline): deadline
        case .up: nil
        }
    }
}
