internal import Synchronization

/// The messages of a queue, as an asynchronous sequence that outlives connections: after a loss, a broker's cancel or a
/// closed channel the queue is declared and subscribed again, and unsettled messages are delivered again.
///
/// At most `prefetch` messages are unsettled at a time, those waiting in memory included. Several tasks may iterate; each
/// message goes to one of them. The sequence ends with `cancel`, the connection's shutdown or the task's cancellation. The
/// subscription ends with `cancel`, or when nobody holds the consumer, an iterator or a delivery any more.
package final class AMQPConsumer: AsyncSequence, Sendable {
    /// What to consume and how.
    package struct Configuration: Sendable {
        /// Declared each time before subscribing. `AMQPQueue.temporary` gives a private queue, new with each connection.
        package var queue: AMQPQueue
        /// Declared each time, before `queue`: exchanges, further queues.
        package var topology: AMQPTopology
        /// Routes to `queue`: exchange and pattern.
        package var bindings: [AMQPBinding]
        /// 1 to 65535.
        package var prefetch: UInt16
        /// A larger body is rejected without requeue, in bytes.
        package var maximumBodySize: Int

        package init(
            queue: AMQPQueue, bindings: [AMQPBinding] = [], topology: AMQPTopology = AMQPTopology(),
            prefetch: UInt16 = 64, maximumBodySize: Int = 4 << 20
        ) {
            self.queue = queue
            self.bindings = bindings
            self.topology = topology
            // Zero would mean "no limit" to the broker.
            self.prefetch = Swift.max(1, prefetch)
            self.maximumBodySize = maximumBodySize
        }
    }

    private let buffer: DeliveryBuffer
    private let readiness: Readiness
    private let isCancelled: CancellationFlag
    private let waker: Waker

    init(buffer: DeliveryBuffer, readiness: Readiness, isCancelled: CancellationFlag, waker: Waker) {
        self.buffer = buffer
        self.readiness = readiness
        self.isCancelled = isCancelled
        self.waker = waker
    }

    /// Whether the broker has the subscription now.
    package var isSubscribed: Bool { readiness.isReady }

    /// Deliveries waiting in memory.
    package var buffered: Int { buffer.count }

    /// Waits until the broker has the subscription.
    package func waitUntilSubscribed(timeout: Duration) async throws(AMQPError) {
        try await readiness.wait(timeout: timeout)
    }

    /// Ends the subscription and the sequence. Unsettled messages go back to the queue.
    package func cancel() {
        isCancelled.set()
        buffer.finish()
        waker.signal()
    }

    deinit { cancel() }

    package func makeAsyncIterator() -> Iterator { Iterator(consumer: self) }

    /// Takes deliveries in the order of the queue.
    package struct Iterator: AsyncIteratorProtocol {
        /// Held, because the subscription ends with its last reference.
        let consumer: AMQPConsumer

        package mutating func next() async -> AMQPDelivery? {
            var delivery = await consumer.buffer.next()
            delivery?.consumer = consumer
            return delivery
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> AMQPDelivery? {
            await next()
        }
    }
}

/// Set once, seen by the connection's thread.
final class CancellationFlag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}
