internal import Synchronization

/// An exchange to declare. Declaring it again with the same settings changes nothing.
package struct AMQPExchange: Sendable, Hashable {
    /// How an exchange routes.
    package enum Kind: String, Sendable { case topic, direct, fanout, headers }

    package var name: String
    package var kind: Kind
    package var isDurable: Bool
    package var arguments: AMQPTable

    package init(name: String, kind: Kind, isDurable: Bool = true, arguments: AMQPTable = [:]) {
        self.name = name
        self.kind = kind
        self.isDurable = isDurable
        self.arguments = arguments
    }

    /// A durable topic exchange.
    package static func topic(_ name: String) -> AMQPExchange { AMQPExchange(name: name, kind: .topic) }
}

/// A queue to declare. Declaring it again with the same settings changes nothing; other settings are refused (406).
package struct AMQPQueue: Sendable, Hashable {
    /// Empty: the broker chooses a name, valid on the channel that declared it.
    package var name: String
    package var isDurable: Bool
    package var isExclusive: Bool
    package var isAutoDelete: Bool
    package var arguments: AMQPTable

    package init(
        name: String, isDurable: Bool = true, isExclusive: Bool = false, isAutoDelete: Bool = false,
        arguments: AMQPTable = [:]
    ) {
        self.name = name
        self.isDurable = isDurable
        self.isExclusive = isExclusive
        self.isAutoDelete = isAutoDelete
        self.arguments = arguments
    }

    /// Where a quorum queue sends what it gives up on.
    package struct DeadLettering: Sendable, Hashable {
        package var exchange: String
        package var routingKey: String?

        package init(exchange: String, routingKey: String? = nil) {
            self.exchange = exchange
            self.routingKey = routingKey
        }
    }

    /// A replicated durable queue. After `deliveryLimit` unsuccessful deliveries a message is dead-lettered, or dropped
    /// without `deadLettering`. Dead lettering is at-least-once, for which RabbitMQ demands `x-overflow: reject-publish`.
    package static func quorum(
        _ name: String, deliveryLimit: Int64, deadLettering: DeadLettering? = nil
    ) -> AMQPQueue {
        var arguments: AMQPTable = ["x-queue-type": .string("quorum"), "x-delivery-limit": .int(deliveryLimit)]
        if let deadLettering {
            arguments["x-dead-letter-exchange"] = .string(deadLettering.exchange)
            arguments["x-dead-letter-routing-key"] = deadLettering.routingKey.map(AMQPValue.string)
            arguments["x-dead-letter-strategy"] = .string("at-least-once")
            arguments["x-overflow"] = .string("reject-publish")
        }
        return AMQPQueue(name: name, arguments: arguments)
    }

    /// A queue that belongs to one channel's connection and goes away with its consumer; the broker names it.
    package static let temporary = AMQPQueue(name: "", isDurable: false, isExclusive: true, isAutoDelete: true)
}

/// A route from an exchange to a queue.
package struct AMQPBinding: Sendable, Hashable {
    package var exchange: String
    /// Empty: the queue declared last on the same channel.
    package var queue: String
    /// For a topic exchange: words joined by dots, `*` for one word, `#` for any number.
    package var pattern: String

    package init(exchange: String, queue: String, pattern: String) {
        self.exchange = exchange
        self.queue = queue
        self.pattern = pattern
    }
}

/// What must be declared, in the order exchanges, queues, bindings.
package struct AMQPTopology: Sendable, Hashable {
    package var exchanges: [AMQPExchange]
    package var queues: [AMQPQueue]
    package var bindings: [AMQPBinding]

    package init(exchanges: [AMQPExchange] = [], queues: [AMQPQueue] = [], bindings: [AMQPBinding] = []) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
    }

    /// Adds what `other` has and this has not.
    package mutating func merge(_ other: AMQPTopology) {
        exchanges += other.exchanges.filter { !exchanges.contains($0) }
        queues += other.queues.filter { !queues.contains($0) }
        bindings += other.bindings.filter { !bindings.contains($0) }
    }

    /// The methods that declare all of it.
    var methods: [OutboundMethod] {
        exchanges.map(OutboundMethod.exchangeDeclare) + queues.map(OutboundMethod.queueDeclare)
            + bindings.map(OutboundMethod.queueBind)
    }
}

/// What a connection's publishers rely on, as declared so far.
final class NotedTopology: Sendable {
    private let topology = Mutex(AMQPTopology())

    var current: AMQPTopology { topology.withLock { $0 } }

    func merge(_ addition: AMQPTopology) { topology.withLock { $0.merge(addition) } }
}
