internal import AMQP
internal import Messaging

/// How subscriptions become exchanges, queues and bindings of RabbitMQ. Every process derives the same settings from the
/// same subscription: RabbitMQ refuses a second declaration that differs (406).
struct EventTopology: Sendable {
    /// Deliveries of one message without success before it is dead-lettered. Handlers retry in process and park what
    /// fails, so only crashes and lost connections count here: the limit ends the loop of a message that kills its
    /// consumer, and is high enough for a long series of unrelated crashes.
    static let deliveryLimit: Int64 = 100

    let exchange: String

    /// Where the broker puts what it gives up on: a topic exchange that keeps the routing key, and one queue.
    private var deadLetters: String { "\(exchange).dead-letters" }

    /// What every process declares, so that neither events nor dead letters are without a place to go.
    var shared: AMQPTopology {
        AMQPTopology(
            exchanges: [.topic(exchange), .topic(deadLetters)],
            queues: [AMQPQueue(name: deadLetters, arguments: ["x-queue-type": .string("quorum")])],
            bindings: [AMQPBinding(exchange: deadLetters, queue: deadLetters, pattern: "#")])
    }

    /// The queue of a subscription.
    func queue(of subscription: Subscription) -> AMQPQueue {
        switch subscription.durability {
        case .exclusive: return .temporary
        case .durable:
            var queue = AMQPQueue.quorum(
                subscription.queue, deliveryLimit: Self.deliveryLimit,
                deadLettering: AMQPQueue.DeadLettering(exchange: deadLetters))
            // One consumer at a time keeps the order; RabbitMQ hands over to the next when it goes.
            queue.arguments["x-single-active-consumer"] = .bool(true)
            return queue
        }
    }

    /// The routes into the subscription's queue.
    func bindings(of subscription: Subscription) -> [AMQPBinding] {
        let queue = queue(of: subscription).name
        return subscription.bindings.map {
            AMQPBinding(exchange: exchange, queue: queue, pattern: $0.description)
        }
    }

    /// What a publisher declares: everything shared, and the durable queues that must not miss an event even when their
    /// consumers have never run.
    func publishing(to subscriptions: [Subscription]) -> AMQPTopology {
        let durable = subscriptions.filter { $0.durability == .durable }
        var topology = shared
        topology.queues += durable.map(queue)
        topology.bindings += durable.flatMap(bindings)
        return topology
    }

    /// What consuming the subscription takes.
    func consuming(_ subscription: Subscription) -> AMQPConsumer.Configuration {
        AMQPConsumer.Configuration(
            queue: queue(of: subscription), bindings: bindings(of: subscription), topology: shared,
            prefetch: UInt16(clamping: subscription.prefetch))
    }
}
