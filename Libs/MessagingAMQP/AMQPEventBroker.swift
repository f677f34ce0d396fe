internal import AMQP
package import Messaging
package import Observability

/// RabbitMQ behind the ports of Messaging: publishes to one topic exchange by event type, and consumes queues bound to it.
///
/// Two connections, because a blocked broker stops reading from the one that publishes and would leave acknowledgements
/// unread as well. Both connect in the background and come back by themselves.
package final class AMQPEventBroker: EventPublisher, EventSubscriber {
    /// The exchange of all of Florin's events.
    package static let defaultExchange = "florin.events"

    /// The port promises an answer within ten seconds; this leaves time to give it.
    private static let publishTimeout: Duration = .seconds(9)

    private let publishing: AMQPConnection
    private let consuming: AMQPConnection
    private let publisher: AMQPPublisher
    private let topology: EventTopology
    private let format: EventFormat

    /// Prepares both connections; `start` begins to connect.
    ///
    /// - Parameters:
    ///   - url: `amqp://user:password@host:port/vhost`.
    ///   - name: The process, shown in the broker's list of connections.
    ///   - queues: Durable subscriptions of whichever process; each is declared before the first event is published, so
    ///     that none is missed by a consumer that has not run yet.
    ///   - format: How events are written.
    /// - Throws: `AMQPError` with the code `invalidConfiguration` for a malformed URL.
    package init(
        url: String, name: String, exchange: String = AMQPEventBroker.defaultExchange, queues: [Subscription] = [],
        format: EventFormat = .structured, logger: Logger = .silent
    ) throws {
        publishing = try AMQPConnection(url: url, name: "\(name) publisher", logger: logger)
        consuming = try AMQPConnection(url: url, name: "\(name) consumer", logger: logger)
        topology = EventTopology(exchange: exchange)
        self.format = format
        publisher = publishing.publisher()
        publishing.note(topology.publishing(to: queues))
    }

    /// Starts to connect. Call once.
    package func start() throws {
        try publishing.start()
        try consuming.start()
    }

    /// What is missing for readiness, in words for an operator; `nil` when events can be published and consumed.
    package var unreadiness: String? {
        if let reason = Self.unreadiness(of: publishing) ?? Self.unreadiness(of: consuming) { return reason }
        return publisher.isReady ? nil : "the broker has not accepted the exchange and queues yet"
    }

    private static func unreadiness(of connection: AMQPConnection) -> String? {
        switch connection.state {
        case .connected, .blocked: nil
        case .connecting(nil): "not connected to the broker yet"
        case .connecting(let failure?): "not connected to the broker: \(failure.message)"
        case .shutDown: "the connection to the broker is shut down"
        }
    }

    /// Whether the broker refuses messages for lack of memory or disk; events then wait in the outbox.
    package var isBlocked: Bool {
        if case .blocked = publishing.state { true } else { false }
    }

    /// Registers gauges of the connections; they are read when the metrics are.
    package func register(in metrics: Metrics) {
        metrics.gauge("florin_broker_publisher_connected", help: "1 while events can reach the broker.") {
            [weak self] in
            self.map { $0.publishing.state.isConnected ? 1 : 0 }
        }
        metrics.gauge("florin_broker_consumer_connected", help: "1 while events can arrive.") { [weak self] in
            self.map { $0.consuming.state.isConnected ? 1 : 0 }
        }
        metrics.gauge("florin_broker_blocked", help: "1 while the broker takes no messages.") { [weak self] in
            self.map { $0.isBlocked ? 1 : 0 }
        }
        metrics.gauge("florin_broker_waiting_messages", help: "Messages not sent yet.") { [weak self] in
            self.map { Double($0.publisher.waiting) }
        }
    }

    /// Waits until events can be published.
    /// - Throws: `AMQPError` with the code `timedOut`.
    package func waitUntilReady(timeout: Duration) async throws { try await publisher.waitUntilReady(timeout: timeout) }

    package func publish(_ events: [OutboundEvent]) async -> [Messaging.PublishOutcome] {
        let messages = events.map { message(format.written($0)) }
        return await publisher.publish(messages, timeout: Self.publishTimeout).map(Self.outcome)
    }

    private func message(_ event: OutboundEvent) -> AMQPMessage {
        AMQPMessage(
            exchange: topology.exchange, routingKey: event.routingKey, id: event.id,
            properties: AMQPProperties(
                contentType: event.contentType, headers: HeaderCoding.table(event.headers), isPersistent: true),
            body: event.body)
    }

    private static func outcome(_ outcome: AMQPPublishOutcome) -> Messaging.PublishOutcome {
        switch outcome {
        case .confirmed: .confirmed
        case .returned(let code, let text): .unroutable(reason: "\(code) \(text)")
        case .nacked: .failed(reason: "the broker refused the message")
        case .timedOut: .failed(reason: "the broker did not confirm in time")
        case .connectionLost(let error), .refused(let error): .failed(reason: error.description)
        }
    }

    package func deliveries(from subscription: Subscription) -> any AsyncSequence<Delivery, Never> {
        consuming.consumer(topology.consuming(subscription)).map { Self.delivery($0) }
    }

    private static func delivery(_ delivery: AMQPDelivery) -> Delivery {
        Delivery(
            routingKey: delivery.routingKey, contentType: delivery.properties.contentType ?? "",
            headers: HeaderCoding.headers(delivery.headers), body: delivery.body, redelivered: delivery.isRedelivered
        ) { settlement in
            switch settlement {
            case .acknowledged: delivery.ack()
            case .requeued: delivery.reject(requeue: true)
            case .rejected: delivery.reject(requeue: false)
            }
        }
    }

    /// Ends both connections: settlements made so far are sent, sequences end, publishes fail. Returns within the bound
    /// whatever the broker does.
    package func shutdown(within bound: Duration = .seconds(5)) async {
        async let consumed: Void = consuming.shutdown(within: bound)
        async let published: Void = publishing.shutdown(within: bound)
        _ = await (consumed, published)
    }
}
