internal import FaultPoints

/// A queue, what is routed into it, and how much of it is taken at once.
package struct Subscription: Sendable, Hashable {
    /// How long a queue lives.
    package enum Durability: Sendable, Hashable {
        /// Survives its consumers and a restart of the broker, replicated where the broker can. Of several processes that
        /// consume it one is active at a time, or order would be lost; another takes over when it goes.
        case durable
        /// Belongs to one process and vanishes with its connection; `name` is then only a label for humans.
        case exclusive
    }

    /// The queue's name, `expense.user-lifecycle`.
    package let queue: String
    /// The types of events routed into the queue.
    package let bindings: [TopicPattern]
    /// The most deliveries that may be unsettled at a time (1 and up), which bounds the memory of a consumer.
    package let prefetch: Int
    /// How long the queue lives.
    package let durability: Durability

    /// Describes a queue.
    package init(queue: String, bindings: [TopicPattern], prefetch: Int = 256, durability: Durability = .durable) {
        precondition(prefetch >= 1, "a subscription takes at least one delivery")
        self.queue = queue
        self.bindings = bindings
        self.prefetch = prefetch
        self.durability = durability
    }
}

/// The port through which a consumer receives events.
package protocol EventSubscriber: Sendable {
    /// Declares the queue with its bindings and yields what arrives in it, until the iterating task is cancelled.
    ///
    /// The sequence outlives connections: an implementation reconnects and consumes again by itself. What was delivered on
    /// a lost connection and not yet settled is delivered again; settling it on the old delivery then has no effect.
    /// Deliveries come in the order of the queue, and no more than `prefetch` of them are unsettled per connection.
    func deliveries(from subscription: Subscription) -> any AsyncSequence<Delivery, Never>
}

/// One message as it arrived, and the means to settle it.
///
/// Settle each delivery exactly once. What is never settled is delivered again when the connection or the process ends.
package struct Delivery: Sendable {
    /// How a delivery is settled.
    package enum Settlement: Sendable, Hashable {
        /// Done with: the broker forgets the message.
        case acknowledged
        /// Not done: the broker puts the message back and delivers it again, to whom it likes.
        case requeued
        /// Never to be delivered again: the broker drops it or moves it to the dead letters it was configured with.
        case rejected
    }

    /// The routing key it was published under.
    package let routingKey: String
    /// The media type of `body`, as the message's property has it; empty when absent.
    package let contentType: String
    /// The application headers, those whose values CloudEvents can express.
    package let headers: [MessageHeader]
    /// The message's bytes.
    package let body: [UInt8]
    /// The broker has delivered it before, or may have.
    package let redelivered: Bool
    private let settle: @Sendable (Settlement) -> Void

    /// Takes the message and the way to settle it, which must not block.
    package init(
        routingKey: String, contentType: String, headers: [MessageHeader], body: [UInt8], redelivered: Bool,
        settle: @escaping @Sendable (Settlement) -> Void
    ) {
        self.routingKey = routingKey
        self.contentType = contentType
        self.headers = headers
        self.body = body
        self.redelivered = redelivered
        self.settle = settle
    }

    /// Call after the commit: the broker forgets the message.
    package func ack() {
        FaultPoint.reached("consumer.after-commit-before-ack")
        settle(.acknowledged)
    }

    /// Gives the message back for another delivery.
    package func retry() { settle(.requeued) }

    /// Refuses the message for good.
    package func reject() { settle(.rejected) }
}
