package import Messaging
internal import Synchronization

/// A broker in memory, for tests: topic routing, redelivery, prefetch, one active consumer per queue, and faults on order.
///
/// Queues keep what nobody takes. Each call of `deliveries(from:)` is one consumer on a connection of its own.
package final class InMemoryBroker: EventPublisher, EventSubscriber, Sendable {
    /// What goes wrong with one published event.
    package enum Fault: Sendable, Hashable {
        /// Nothing.
        case healthy
        /// Routed nowhere, whatever is bound.
        case returned
        /// Refused by the broker; not stored.
        case nacked
        /// The connection broke before the broker had the event; what follows in the same call is lost with it.
        case lostBeforeStored
        /// The connection broke after the broker had stored the event, before it said so; what follows is lost with it.
        case lostAfterStored
        /// Stored twice, as after a retransmission.
        case duplicated
    }

    private let state = Mutex(BrokerState())

    package init() {}

    // MARK: Publishing

    package func publish(_ events: [OutboundEvent]) async -> [PublishOutcome] {
        let isHolding = state.withLock { $0.isHolding }
        if isHolding { await hold() }
        return state.withLock { state in
            var isConnected = true
            let outcomes = events.map { event -> PublishOutcome in
                guard isConnected else { return .failed(reason: Self.connectionLost) }
                let outcome = Self.store(event, in: &state)
                isConnected = outcome != .failed(reason: Self.connectionLost)
                return outcome
            }
            Self.dispatch(&state, broker: self)
            return outcomes
        }
    }

    /// The next events published meet these faults, one each; those after them meet none.
    package func injectFaults(_ faults: [Fault]) { state.withLock { $0.faults += faults } }

    /// Takes the broker away (publishing fails, deliveries stop and come again later) or brings it back.
    package func setDown(_ isDown: Bool) {
        if isDown { interrupt() }
        state.withLock { state in
            state.isDown = isDown
            Self.dispatch(&state, broker: self)
        }
    }

    /// Makes publishing wait, as during a memory alarm, until set to false or cancelled.
    package func setHolding(_ isHolding: Bool) { state.withLock { $0.isHolding = isHolding } }

    /// Every event that was stored in a queue, in the order of publishing, repeats included.
    package var published: [OutboundEvent] { state.withLock { $0.published } }

    private static let connectionLost = "connection lost"

    private func hold() async {
        while state.withLock({ $0.isHolding }), !Task.isCancelled { await Task.yield() }
    }

    private static func store(_ event: OutboundEvent, in state: inout BrokerState) -> PublishOutcome {
        if state.isDown { return .failed(reason: connectionLost) }
        let fault = state.faults.isEmpty ? nil : state.faults.removeFirst()
        switch fault {
        case .returned: return .unroutable(reason: "312 NO_ROUTE")
        case .nacked: return .failed(reason: "refused by the broker")
        case .lostBeforeStored: return .failed(reason: connectionLost)
        case .lostAfterStored, .duplicated, .healthy, nil: break
        }
        let names = state.queues.filter { $0.value.bindings.contains { $0.matches(event.routingKey) } }.map(\.key)
        if names.isEmpty { return .unroutable(reason: "312 NO_ROUTE") }
        for _ in 0..<(fault == .duplicated ? 2 : 1) {
            for name in names { state.queues[name]?.ready.append(StoredMessage(event: event)) }
            state.published.append(event)
        }
        return fault == .lostAfterStored ? .failed(reason: connectionLost) : .confirmed
    }

    // MARK: Consuming

    package func deliveries(from subscription: Subscription) -> any AsyncSequence<Delivery, Never> {
        let (stream, continuation) = AsyncStream.makeStream(of: Delivery.self, bufferingPolicy: .unbounded)
        let id = state.withLock { state -> Int in
            let id = state.nextConsumer
            state.nextConsumer += 1
            let isExclusive = subscription.durability == .exclusive
            let name = isExclusive ? "\(subscription.queue)#\(id)" : subscription.queue
            let queue = state.queues[name] ?? MessageQueue(bindings: [], isExclusive: isExclusive)
            for binding in subscription.bindings where !queue.bindings.contains(binding) {
                queue.bindings.append(binding)
            }
            queue.consumers.append(id)
            state.queues[name] = queue
            state.consumers[id] = QueueConsumer(
                queue: queue, prefetch: subscription.prefetch, continuation: continuation)
            Self.dispatch(&state, broker: self)
            return id
        }
        continuation.onTermination = { [weak self] _ in self?.remove(id) }
        return stream
    }

    /// Declares a durable queue that keeps events until somebody consumes it.
    package func declare(_ subscription: Subscription) {
        state.withLock { state in
            let queue = MessageQueue(bindings: subscription.bindings, isExclusive: false)
            if state.queues[subscription.queue] == nil { state.queues[subscription.queue] = queue }
        }
    }

    /// Breaks all connections for a moment: what was delivered and is unsettled is delivered again.
    package func interrupt() {
        state.withLock { state in
            for consumer in state.consumers.values { consumer.giveBack() }
            Self.dispatch(&state, broker: self)
        }
    }

    /// Events of a queue that are not delivered yet.
    package func depth(of queue: String) -> Int { state.withLock { $0.queues[queue]?.ready.count ?? 0 } }

    /// Deliveries of a queue that wait to be settled.
    package func unsettled(of queue: String) -> Int {
        state.withLock { state in
            guard let queue = state.queues[queue] else { return 0 }
            return state.consumers.values.filter { $0.queue === queue }.reduce(0) { $0 + $1.unsettled.count }
        }
    }

    private func remove(_ id: Int) {
        state.withLock { state in
            guard let consumer = state.consumers.removeValue(forKey: id) else { return }
            consumer.giveBack()
            consumer.queue.consumers.removeAll { $0 == id }
            if consumer.queue.isExclusive {
                state.queues = state.queues.filter { $0.value !== consumer.queue }
            }
            Self.dispatch(&state, broker: self)
        }
    }

    private func settle(_ tag: Int, of id: Int, _ settlement: Delivery.Settlement) {
        state.withLock { state in
            guard let consumer = state.consumers[id], var message = consumer.unsettled.removeValue(forKey: tag)
            else { return }
            if settlement == .requeued {
                message.isRedelivered = true
                consumer.queue.ready.putBack([message])
            }
            Self.dispatch(&state, broker: self)
        }
    }

    private static func dispatch(_ state: inout BrokerState, broker: InMemoryBroker) {
        guard !state.isDown else { return }
        for queue in state.queues.values {
            guard let id = queue.consumers.first, let consumer = state.consumers[id] else { continue }
            while consumer.unsettled.count < consumer.prefetch, let message = queue.ready.takeFirst() {
                let tag = state.nextTag
                state.nextTag += 1
                consumer.unsettled[tag] = message
                consumer.continuation.yield(
                    Delivery(
                        routingKey: message.event.routingKey, contentType: message.event.contentType,
                        headers: message.event.headers, body: message.event.body, redelivered: message.isRedelivered
                    ) { [weak broker] settlement in broker?.settle(tag, of: id, settlement) })
            }
        }
    }
}
