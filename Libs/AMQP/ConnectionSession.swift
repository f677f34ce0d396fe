/// The protocol of one connection after its login, without the socket: frames and decisions go in, methods to be sent and
/// events come out. Lives as long as its `AMQPConnection`, over many sockets. Confined to the connection's thread.
final class ConnectionSession {
    /// Something to be written, in order.
    enum Output: Hashable {
        case method(channel: UInt16, OutboundMethod)
        case heartbeat
    }

    /// A channel and what it is for.
    private final class Channel {
        let role: any ChannelRole
        var number: UInt16?
        var lifecycle: ChannelLifecycle
        var assembler: ContentAssembler

        init(_ role: any ChannelRole, _ lifecycle: ChannelLifecycle, bodyLimit: Int) {
            self.role = role
            self.lifecycle = lifecycle
            assembler = ContentAssembler(limit: bodyLimit)
        }
    }

    /// Channels that were closed from here and whose `close-ok` is still to come; more of them means a hung broker.
    private static let maximumClosing = 32
    /// Returned messages carry a body that nobody looks at.
    private static let returnedBodyLimit = 0

    private let replyTimeout: Duration
    private let backoff: Backoff
    private var generator: any RandomNumberGenerator
    private var channels: [Channel] = []
    /// Those of `channels` that publish.
    private var publishers: [(channel: Channel, role: PublisherRole)] = []
    private var byNumber: [UInt16: Channel] = [:]
    private var closing: Set<UInt16> = []
    private var channelMax: UInt16 = 0
    private var heartbeat = HeartbeatClock(interval: nil, now: .now)
    private var output: [Output] = []
    private var events: [AMQPConnection.Event] = []
    private var isConnected = false
    private var closeDeadline: ContinuousClock.Instant?
    /// Why the broker takes no publishes now; `nil` when it does.
    private(set) var blockedReason: String?
    /// `close-ok` has arrived, or its bound has passed.
    private(set) var isClosed = false

    init(replyTimeout: Duration, backoff: Backoff, generator: any RandomNumberGenerator = SystemRandomNumberGenerator())
    {
        self.replyTimeout = replyTimeout
        self.backoff = backoff
        self.generator = generator
    }

    /// Takes what must be written.
    func takeOutput() -> [Output] {
        defer { output = [] }
        return output
    }

    /// Takes what must be told.
    func takeEvents() -> [AMQPConnection.Event] {
        defer { events = [] }
        return events
    }

    /// Adds a role; its channel opens at the next `tick`.
    func add(_ role: any ChannelRole) {
        let limit = (role as? ConsumerRole)?.maximumBodySize ?? Self.returnedBodyLimit
        let lifecycle = ChannelLifecycle(backoff: backoff, replyTimeout: replyTimeout)
        let channel = Channel(role, lifecycle, bodyLimit: limit)
        channels.append(channel)
        if let publisher = role as? PublisherRole { publishers.append((channel, publisher)) }
    }

    // MARK: - The connection

    /// A socket is logged in.
    func connected(channelMax: UInt16, heartbeat interval: Duration?, now: ContinuousClock.Instant) {
        self.channelMax = channelMax == 0 ? .max : channelMax
        heartbeat = HeartbeatClock(interval: interval, now: now)
        isConnected = true
        events.append(.connected)
    }

    /// The socket is gone.
    func disconnected(_ error: AMQPError) {
        if isConnected { events.append(.disconnected(error)) }
        isConnected = false
        blockedReason = nil
        output = []
        byNumber = [:]
        closing = []
        for channel in channels {
            if channel.number != nil { channel.role.lost(error) }
            channel.number = nil
            channel.lifecycle.connectionLost()
        }
    }

    /// Asks the broker for the end of the connection, after what has been decided is sent.
    func beginClose(now: ContinuousClock.Instant, bound: Duration) {
        guard closeDeadline == nil else { return }
        sendDueMethods()
        output.append(.method(channel: 0, .connectionClose))
        closeDeadline = now + bound
    }

    func bytesReceived(now: ContinuousClock.Instant) { heartbeat.received(at: now) }

    func bytesSent(now: ContinuousClock.Instant) { heartbeat.sent(at: now) }

    // MARK: - Frames

    /// A frame arrived.
    /// - Throws: what ends the connection.
    func receive(_ frame: InboundFrame, now: ContinuousClock.Instant) throws(AMQPError) {
        switch frame {
        case .method(0, let method): try receiveOnConnection(method, now: now)
        case .method(let number, let method):
            if closing.contains(number) { return receiveOnClosing(number, method) }
            try receive(method, on: try channel(number), now: now)
        case .header(let number, let bodySize, let properties):
            guard !closing.contains(number) else { return }
            let channel = try channel(number)
            guard let content = try channel.assembler.header(bodySize: bodySize, properties) else { return }
            try channel.role.receive(content)
        case .body(let number, let piece):
            guard !closing.contains(number) else { return }
            let channel = try channel(number)
            guard let content = try channel.assembler.body(piece) else { return }
            try channel.role.receive(content)
        }
    }

    private func channel(_ number: UInt16) throws(AMQPError) -> Channel {
        guard let channel = byNumber[number] else {
            throw AMQPError(.protocolViolation, "a frame arrived on channel \(number), which is not open")
        }
        return channel
    }

    private func receiveOnConnection(_ method: InboundMethod, now: ContinuousClock.Instant) throws(AMQPError) {
        switch method {
        case .blocked(let reason):
            blockedReason = reason
            events.append(.blocked(reason: reason))
        case .unblocked:
            blockedReason = nil
            for publisher in publishers { publisher.role.excuseStall(now: now) }
            events.append(.unblocked)
        case .connectionClose(let code, let text):
            output = [.method(channel: 0, .connectionCloseOK)]
            throw AMQPError(.connectionClosed(replyCode: code), "\(code) \(text)")
        case .completed(.connectionClose): isClosed = true
        default: break
        }
    }

    private func receiveOnClosing(_ number: UInt16, _ method: InboundMethod) {
        switch method {
        case .completed(.channelClose): closing.remove(number)
        case .channelClose: output.append(.method(channel: number, .channelCloseOK))
        default: break
        }
    }

    private func receive(_ method: InboundMethod, on channel: Channel, now: ContinuousClock.Instant) throws(AMQPError) {
        switch method {
        case .completed(let reply):
            switch try channel.lifecycle.completed(reply, now: now) {
            case .send(let next): send(next, on: channel)
            case .up: channel.role.opened(now: now)
            }
        case .channelClose(let code, let text):
            send(.channelCloseOK, on: channel)
            lose(channel, AMQPError(.channelClosed(replyCode: code), "\(code) \(text)"), now: now)
        case .deliver(let arguments): try channel.assembler.begin(.delivery(arguments))
        case .returned(let code, let text): try channel.assembler.begin(.returned(code: code, text: text))
        default:
            guard let error = channel.role.receive(method, now: now) else { return }
            close(channel, error, now: now)
        }
    }

    // MARK: - Channels

    private func send(_ method: OutboundMethod, on channel: Channel) {
        guard let number = channel.number else { return }
        output.append(.method(channel: number, method))
    }

    private func close(_ channel: Channel, _ error: AMQPError, now: ContinuousClock.Instant) {
        guard let number = channel.number else { return }
        send(.channelClose, on: channel)
        closing.insert(number)
        lose(channel, error, now: now)
    }

    /// A method of that channel's role cannot be put on the wire.
    func unencodable(channel number: UInt16, _ error: AMQPError, now: ContinuousClock.Instant) {
        guard let channel = byNumber[number] else { return }
        close(channel, error, now: now)
    }

    private func lose(_ channel: Channel, _ error: AMQPError, now: ContinuousClock.Instant) {
        if let number = channel.number { byNumber[number] = nil }
        channel.number = nil
        channel.assembler = ContentAssembler(limit: channel.assembler.limit)
        channel.lifecycle.lost(now: now, using: &generator)
        channel.role.lost(error)
        if !channel.role.isFinished { events.append(.channelLost(channel.role.label, error)) }
    }

    private func open(_ channel: Channel, now: ContinuousClock.Instant) {
        let last = channelMax
        guard let number = (1...last).first(where: { byNumber[$0] == nil && !closing.contains($0) }) else {
            channel.lifecycle.lost(now: now, using: &generator)
            return
        }
        channel.number = number
        byNumber[number] = channel
        send(channel.lifecycle.open(setup: channel.role.setup, now: now), on: channel)
    }

    // MARK: - Time

    /// Does what is due.
    /// - Throws: what ends the connection.
    func tick(now: ContinuousClock.Instant) throws(AMQPError) {
        guard isConnected else { return }
        if let closeDeadline {
            isClosed = isClosed || now >= closeDeadline
            return
        }
        switch heartbeat.verdict(at: now) {
        case .peerIsDead: throw AMQPError(.connectionLost, "nothing came from the broker for too long")
        case .send:
            output.append(.heartbeat)
            // Counted now: while the socket takes nothing, one of them waits and not one per turn.
            heartbeat.sent(at: now)
        case .quiet: break
        }
        // Before a consumer's channel goes: its last acknowledgements must be on their way.
        sendDueMethods()
        removeFinished(now: now)
        for channel in channels { tick(channel, now: now) }
        guard closing.count <= Self.maximumClosing else {
            throw AMQPError(.timedOut, "the broker does not answer on \(closing.count) channels")
        }
    }

    private func tick(_ channel: Channel, now: ContinuousClock.Instant) {
        switch channel.lifecycle.phase {
        case .down(let retryAt):
            if retryAt.map({ now >= $0 }) ?? true { open(channel, now: now) }
        case .settingUp(let awaited, let deadline):
            // A blocked broker reads nothing from a connection that has published, and so cannot answer.
            guard blockedReason == nil, now >= deadline else { return }
            close(channel, AMQPError(.timedOut, "no answer to \(awaited)"), now: now)
        case .up:
            guard blockedReason == nil, let error = channel.role.stalled(now: now) else { return }
            close(channel, error, now: now)
        }
    }

    private func removeFinished(now: ContinuousClock.Instant) {
        guard channels.contains(where: { $0.role.isFinished }) else { return }
        for channel in channels where channel.role.isFinished {
            close(channel, AMQPError(.shutDown, "no longer wanted"), now: now)
        }
        channels.removeAll { $0.role.isFinished }
        publishers.removeAll { $0.role.isFinished }
    }

    /// Forgets roles that nobody wants any more, while there is no connection.
    func forgetFinished() {
        guard !isConnected else { return }
        channels.removeAll { $0.role.isFinished }
        publishers.removeAll { $0.role.isFinished }
    }

    private func sendDueMethods() {
        for channel in channels {
            for method in channel.role.takeMethods() { send(method, on: channel) }
        }
    }

    /// The next message to publish and its channel; `nil` while nothing waits, the windows are full, or the broker is
    /// blocked.
    func nextPublish() -> (role: PublisherRole, item: PublisherRole.Item, channel: UInt16)? {
        guard isConnected, blockedReason == nil, closeDeadline == nil else { return nil }
        for (channel, role) in publishers {
            guard let number = channel.number, let item = role.next() else { continue }
            return (role, item, number)
        }
        return nil
    }

    /// When `tick` has something to do next.
    func nextDeadline(now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        var next = now + .seconds(5)
        if let closeDeadline { next = min(next, closeDeadline) }
        if case .quiet(let until?) = heartbeat.verdict(at: now) { next = min(next, until) }
        for channel in channels {
            if let deadline = channel.lifecycle.deadline, deadline > now { next = min(next, deadline) }
        }
        return next
    }

    /// The owner shuts down: every wait ends, nothing is taken any more.
    func end() {
        let error = AMQPError(.shutDown, "the connection is shut down")
        disconnected(error)
        for channel in channels {
            channel.role.shutDown()
        }
        channels = []
        publishers = []
    }
}
