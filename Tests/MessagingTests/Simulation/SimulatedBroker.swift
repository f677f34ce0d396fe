/// A broker with one durable queue per consumer, publishers' connections as sockets, and one active consumer per queue.
final class SimulatedBroker {
    struct Message {
        let event: SimulatedEvent
        /// Which connection of which relay sent it, and its place in the wave.
        let connection: Int
        let place: Int
    }

    final class Queue {
        var ready: [SimulatedEvent] = []
        var start = 0
        /// Delivered and not acknowledged, by tag.
        var unsettled: [(tag: Int, event: SimulatedEvent)] = []

        var readyCount: Int { ready.count - start }

        func takeFirst() -> SimulatedEvent? {
            guard start < ready.count else { return nil }
            defer {
                start += 1
                if start > 256 {
                    ready.removeFirst(start)
                    start = 0
                }
            }
            return ready[start]
        }

        /// The active consumer is gone: what it had comes again, in order, before the rest.
        func giveBack() {
            ready.replaceSubrange(..<start, with: unsettled.map(\.event))
            start = 0
            unsettled = []
        }
    }

    let queues: [Queue]
    /// Sent and not yet read by the broker, in order.
    private(set) var socket: [Message] = []
    private var nextTag = 1

    init(consumers: Int) { queues = (0..<consumers).map { _ in Queue() } }

    func send(_ messages: [Message]) { socket += messages }

    /// Reads one message.
    func receive() -> Message? { socket.isEmpty ? nil : socket.removeFirst() }

    /// A cut connection: some of what was on its way still arrives, the rest is lost.
    func cut(_ connection: Int, keeping count: Int) {
        var kept = 0
        socket.removeAll { message in
            guard message.connection == connection else { return false }
            kept += 1
            return kept > count
        }
    }

    /// Routes the event into its queues, or into those that are not refusing.
    func store(_ event: SimulatedEvent, refusing refused: Int? = nil) {
        for (consumer, queue) in queues.enumerated() where event.isFor(consumer: consumer) && consumer != refused {
            queue.ready.append(event)
        }
    }

    func deliver(from queue: Queue, prefetch: Int) -> (tag: Int, event: SimulatedEvent)? {
        guard queue.unsettled.count < prefetch, let event = queue.takeFirst() else { return nil }
        let delivery = (tag: nextTag, event: event)
        nextTag += 1
        queue.unsettled.append(delivery)
        return delivery
    }

    func acknowledge(_ tag: Int, on queue: Queue) { queue.unsettled.removeAll { $0.tag == tag } }
}
