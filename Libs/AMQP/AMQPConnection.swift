package import Observability

/// A connection to a broker that reconnects by itself, on a thread of its own: librabbitmq's calls wait, and nothing else
/// waits for them. Publishers and consumers made from it outlive each single connection.
///
/// A blocked broker stops reading from a connection that publishes, acknowledgements included: publish and consume on
/// two connections.
package final class AMQPConnection: Sendable {
    /// Bounds of a connection.
    package struct Configuration: Sendable {
        /// Asked of the broker; a peer silent for one and a half of it is taken for dead. Whole seconds.
        package var heartbeat: Duration = .seconds(10)
        /// For TCP to connect.
        package var connectTimeout: Duration = .seconds(2)
        /// For the login.
        package var handshakeTimeout: Duration = .seconds(5)
        /// How long written bytes may stay unacknowledged by the peer's kernel. Whole seconds.
        package var deadPeerTimeout: Duration = .seconds(15)
        /// For the answer to each declaration and subscription.
        package var replyTimeout: Duration = .seconds(10)
        /// The first pause before another attempt is drawn from zero to this…
        package var backoffBase: Duration = .milliseconds(100)
        /// …and no later one is longer than this.
        package var backoffCap: Duration = .seconds(2)

        package init() {}
    }

    /// Something that happened, for the log, metrics and tests.
    package enum Event: Sendable, Hashable {
        /// Logged in.
        case connected
        /// An attempt to connect failed; another follows.
        case connectFailed(AMQPError)
        /// An open connection ended; attempts to come back follow.
        case disconnected(AMQPError)
        /// The broker takes no publishes now (memory or disk alarm).
        case blocked(reason: String)
        /// The broker takes publishes again.
        case unblocked
        /// A channel was lost while the connection stays; the label names the queue or says "publisher".
        case channelLost(String, AMQPError)
    }

    /// Where the connection stands.
    package enum State: Sendable, Hashable {
        /// Not connected: not yet, or not any more, with the last failure.
        case connecting(lastFailure: AMQPError?)
        case connected
        case blocked(reason: String)
        case shutDown

        /// Whether the broker is there; a blocked one is, and takes publishes later.
        package var isConnected: Bool {
            switch self {
            case .connected, .blocked: true
            case .connecting, .shutDown: false
            }
        }
    }

    /// Where the broker is; its description has no password.
    package let endpoint: AMQPEndpoint
    private let shared: ConnectionShared
    private let topology = NotedTopology()

    /// Prepares a connection; `start` begins to connect.
    ///
    /// - Parameters:
    ///   - url: `amqp://user:password@host:port/vhost`.
    ///   - name: Shown in the broker's list of connections.
    package init(
        url: String, name: String, configuration: Configuration = Configuration(), logger: Logger = .silent
    ) throws(AMQPError) {
        endpoint = try AMQPEndpoint(url: url)
        shared = try ConnectionShared(endpoint: endpoint, name: name, configuration: configuration, logger: logger)
    }

    deinit { shared.requestStop() }

    /// Starts the thread, which connects in the background until `shutdown`. Call once.
    package func start() throws(AMQPError) {
        let shared = shared
        guard shared.markStarted() else { return }
        try ConnectionThread.start(shared)
    }

    /// Where the connection stands now.
    package var state: State { shared.state }

    /// Waits until the broker is connected.
    package func waitUntilConnected(timeout: Duration) async throws(AMQPError) {
        try await shared.connected.wait(timeout: timeout)
    }

    /// What happens from now on. A slow reader loses the oldest of more than 256 events. Ends with `shutdown`.
    package func events() -> AsyncStream<Event> { shared.observe() }

    /// Makes a publisher with a channel of its own.
    package func publisher(_ configuration: AMQPPublisher.Configuration = .init()) -> AMQPPublisher {
        let queue = PublishQueue(
            maximumMessages: configuration.maximumWaiting, maximumBytes: configuration.maximumBytesWaiting)
        let readiness = Readiness()
        let topology = topology
        let isDropped = CancellationFlag()
        let refused: @Sendable () -> Void = {
            queue.close()
            readiness.fail(ConnectionShared.shutDownError)
        }
        shared.submit(orRefuse: refused) { session in
            session.add(
                PublisherRole(
                    queue: queue, readiness: readiness, configuration: configuration, topology: topology,
                    isDropped: isDropped))
        }
        return AMQPPublisher(
            configuration: configuration, queue: queue, waker: shared.waker, readiness: readiness,
            isDropped: isDropped)
    }

    /// Subscribes to a queue, on a channel of its own.
    package func consumer(_ configuration: AMQPConsumer.Configuration) -> AMQPConsumer {
        let buffer = DeliveryBuffer()
        let readiness = Readiness()
        let cancellation = CancellationFlag()
        let settlements = SettlementQueue(waker: shared.waker)
        let refused: @Sendable () -> Void = {
            buffer.finish()
            readiness.fail(ConnectionShared.shutDownError)
        }
        shared.submit(orRefuse: refused) { session in
            session.add(
                ConsumerRole(
                    configuration: configuration, buffer: buffer, settlements: settlements, readiness: readiness,
                    cancellation: cancellation))
        }
        return AMQPConsumer(buffer: buffer, readiness: readiness, isCancelled: cancellation, waker: shared.waker)
    }

    /// Declares exchanges, queues and bindings now, and again each time a publisher's channel opens.
    ///
    /// - Throws: `.channelClosed(replyCode: 406)` when something exists with other settings; `.timedOut` when the broker
    ///   did not answer, or was not there, within the bound. Either way it stays noted for the next opening.
    package func declare(_ addition: AMQPTopology, timeout: Duration = .seconds(10)) async throws(AMQPError) {
        topology.merge(addition)
        try await perform(addition.methods, timeout: timeout)
    }

    /// Notes what each publisher's channel declares when it opens, without waiting for a broker. Call before `start`.
    package func note(_ addition: AMQPTopology) { topology.merge(addition) }

    /// Deletes a queue with what is in it; one that does not exist is no error.
    package func deleteQueue(_ name: String, timeout: Duration = .seconds(10)) async throws(AMQPError) {
        try await perform([.queueDelete(name)], timeout: timeout)
    }

    private func perform(_ methods: [OutboundMethod], timeout: Duration) async throws(AMQPError) {
        let readiness = Readiness()
        let isAbandoned = CancellationFlag()
        defer {
            isAbandoned.set()
            shared.waker.signal()
        }
        shared.submit(orRefuse: { readiness.fail(ConnectionShared.shutDownError) }) { session in
            session.add(DeclarationRole(methods, readiness: readiness, isAbandoned: isAbandoned))
        }
        try await readiness.wait(timeout: timeout)
    }

    /// Ends the connection: settlements made so far are sent, waiting publishes are refused, sequences end.
    ///
    /// Returns within the bound even when the broker does not answer or the network is gone.
    package func shutdown(within bound: Duration = .seconds(5)) async { await shared.shutDown(within: bound) }
}
