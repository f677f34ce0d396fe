internal import Messaging

/// What an in-memory broker holds; guarded by the broker's lock, the objects in it included.
struct BrokerState {
    var queues: [String: MessageQueue] = [:]
    var consumers: [Int: QueueConsumer] = [:]
    var nextConsumer = 0
    var nextTag = 0
    var published: [OutboundEvent] = []
    var faults: [InMemoryBroker.Fault] = []
    var isDown = false
    var isHolding = false
}

/// A message in a queue or on its way to a consumer.
struct StoredMessage {
    let event: OutboundEvent
    var isRedelivered = false
}

/// A queue with its bindings; the first of its consumers is the active one.
final class MessageQueue {
    var bindings: [TopicPattern]
    let isExclusive: Bool
    var ready = StoredMessages()
    var consumers: [Int] = []

    init(bindings: [TopicPattern], isExclusive: Bool) {
        self.bindings = bindings
        self.isExclusive = isExclusive
    }
}

/// One consumer of a queue and what it has not settled, by delivery tag.
final class QueueConsumer {
    let queue: MessageQueue
    let prefetch: Int
    let continuation: AsyncStream<Delivery>.Continuation
    var unsettled: [Int: StoredMessage] = [:]

    init(queue: MessageQueue, prefetch: Int, continuation: AsyncStream<Delivery>.Continuation) {
        self.queue = queue
        self.prefetch = prefetch
        self.continuation = continuation
    }

    /// Puts what is not settled back in front of the queue, in its order.
    func giveBack() {
        queue.ready.putBack(
            unsettled.sorted { $0.key < $1.key }.map { StoredMessage(event: $0.value.event, isRedelivered: true) })
        unsettled = [:]
    }
}

/// Messages in order, taken from the front without moving the rest.
struct StoredMessages {
    private var messages: [StoredMessage?] = []
    private var start = 0

    var count: Int { messages.count - start }

    mutating func append(_ message: StoredMessage) { messages.append(message) }

    mutating func putBack(_ back: [StoredMessage]) {
        messages.replaceSubrange(..<start, with: back)
        start = 0
    }

    mutating func takeFirst() -> StoredMessage? {
        guard start < messages.count else { return nil }
        let first = messages[start]
        messages[start] = nil
        start += 1
        if start > 4_096 {
            messages.removeFirst(start)
            start = 0
        }
        return first
    }
}
