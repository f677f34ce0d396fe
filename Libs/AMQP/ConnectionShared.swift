internal import Observability
internal import Synchronization

/// What a connection's thread and its users share: requests one way, state and events the other.
final class ConnectionShared: Sendable {
    /// A request, run on the connection's thread.
    typealias Request = @Sendable (ConnectionSession) -> Void

    static let shutDownError = AMQPError(.shutDown, "the connection is shut down")

    private struct Mailbox {
        var requests: [Request] = []
        var isStopping = false
        var isStarted = false
    }

    private struct Observers {
        var state = AMQPConnection.State.connecting(lastFailure: nil)
        var streams: [UInt64: AsyncStream<AMQPConnection.Event>.Continuation] = [:]
        var nextID: UInt64 = 0
    }

    let endpoint: AMQPEndpoint
    let name: String
    let configuration: AMQPConnection.Configuration
    let waker: Waker
    let slot = SocketSlot()
    /// Holds while the broker is connected.
    let connected = Readiness()
    /// Holds once the thread has done its last.
    private let finished = Readiness()
    private let logger: Logger
    private let mailbox = Mutex(Mailbox())
    private let observers = Mutex(Observers())

    init(
        endpoint: AMQPEndpoint, name: String, configuration: AMQPConnection.Configuration, logger: Logger
    ) throws(AMQPError) {
        self.endpoint = endpoint
        self.name = name
        self.configuration = configuration
        self.logger = logger.with([.component: "amqp"])
        waker = try Waker()
    }

    // MARK: - Requests

    /// Hands a request to the thread, or calls `refuse` when the connection is shut down.
    func submit(orRefuse refuse: @Sendable () -> Void, _ request: @escaping Request) {
        let isAccepted = mailbox.withLock { mailbox in
            if mailbox.isStopping { return false }
            mailbox.requests.append(request)
            return true
        }
        if isAccepted { waker.signal() } else { refuse() }
    }

    /// Takes the requests made since the last call.
    func takeRequests() -> [Request] {
        mailbox.withLock { mailbox in
            defer { mailbox.requests = [] }
            return mailbox.requests
        }
    }

    /// Whether the owner wants the end.
    var isStopping: Bool { mailbox.withLock { $0.isStopping } }

    /// Notes the start; `false` when there is nothing to start any more.
    func markStarted() -> Bool {
        mailbox.withLock { mailbox in
            guard !mailbox.isStarted, !mailbox.isStopping else { return false }
            mailbox.isStarted = true
            return true
        }
    }

    /// Asks the thread to end, and does not wait for it.
    func requestStop() {
        let isStarted = mailbox.withLock { mailbox in
            mailbox.isStopping = true
            return mailbox.isStarted
        }
        waker.signal()
        // A login under way would wait for the broker; there is nothing to end in order yet.
        slot.shutDown(sparingServed: true)
        if !isStarted { finish(ConnectionSession(replyTimeout: .zero, backoff: Backoff(base: .zero, cap: .zero))) }
    }

    func shutDown(within bound: Duration) async {
        requestStop()
        do {
            try await finished.wait(timeout: bound / 2)
        } catch {
            slot.shutDown(sparingServed: false)
            do {
                try await finished.wait(timeout: bound / 2)
            } catch {
                logger.error("the connection's thread did not end in time", [.error: .error(error)])
            }
        }
    }

    /// The thread's last act: ends every wait of users.
    func finish(_ session: ConnectionSession) {
        for request in takeRequests() { request(session) }
        session.end()
        connected.fail(Self.shutDownError)
        let streams = observers.withLock { observers in
            observers.state = .shutDown
            defer { observers.streams = [:] }
            return observers.streams
        }
        for stream in streams.values { stream.finish() }
        finished.markReady()
    }

    // MARK: - State and events

    var state: AMQPConnection.State { observers.withLock { $0.state } }

    func observe() -> AsyncStream<AMQPConnection.Event> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: AMQPConnection.Event.self, bufferingPolicy: .bufferingNewest(256))
        let id: UInt64? = observers.withLock { observers in
            guard observers.state != .shutDown else { return nil }
            observers.nextID += 1
            observers.streams[observers.nextID] = continuation
            return observers.nextID
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.observers.withLock { $0.streams.removeValue(forKey: id) }
        }
        return stream
    }

    /// Tells everyone of an event.
    func publish(_ event: AMQPConnection.Event) {
        log(event)
        let streams = observers.withLock { observers in
            observers.state = Self.state(after: event, observers.state)
            return Array(observers.streams.values)
        }
        if case .connected = event { connected.markReady() }
        if case .disconnected = event { connected.markNotReady() }
        for stream in streams { stream.yield(event) }
    }

    private static func state(
        after event: AMQPConnection.Event, _ state: AMQPConnection.State
    ) -> AMQPConnection.State {
        switch event {
        case .connected, .unblocked: .connected
        case .connectFailed(let error), .disconnected(let error): .connecting(lastFailure: error)
        case .blocked(let reason): .blocked(reason: reason)
        case .channelLost: state
        }
    }

    private func log(_ event: AMQPConnection.Event) {
        let address = LogValue.string("\(endpoint.host):\(endpoint.port)")
        switch event {
        case .connected: logger.info("connected to the broker", [.address: address])
        case .connectFailed(let error) where error.code == .shutDown,
            .disconnected(let error) where error.code == .shutDown:
            logger.info("left the broker", [.address: address])
        case .connectFailed(let error):
            logger.warning("could not connect to the broker", [.address: address, .error: .error(error)])
        case .disconnected(let error):
            logger.warning("lost the broker", [.address: address, .error: .error(error)])
        case .blocked(let reason): logger.warning("the broker takes no messages now", [.reason: .string(reason)])
        case .unblocked: logger.info("the broker takes messages again")
        case .channelLost(let label, let error):
            logger.warning("lost a channel", [.queue: .string(label), .error: .error(error)])
        }
    }
}
