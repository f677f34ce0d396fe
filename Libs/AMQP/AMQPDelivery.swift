/// A message from a queue, to be settled once by `ack` or `reject`; until then it counts against the prefetch.
///
/// Settling is safe from any thread, more than once, and after the connection it came by is gone: then it has no effect,
/// and the broker delivers the message again.
package struct AMQPDelivery: Sendable {
    package let exchange: String
    package let routingKey: String
    package let properties: AMQPProperties
    package let body: [UInt8]
    /// The broker has delivered it before, perhaps to a consumer that died.
    package let isRedelivered: Bool
    private let generation: UInt64
    private let tag: UInt64
    private let settlements: SettlementQueue
    /// Held once the delivery is taken: its subscription must outlive it, or it could not be settled any more.
    var consumer: AMQPConsumer?

    init(
        _ arguments: InboundMethod.Delivering, _ content: AMQPContent, generation: UInt64, settlements: SettlementQueue
    ) {
        exchange = arguments.exchange
        routingKey = arguments.routingKey
        isRedelivered = arguments.redelivered
        properties = content.properties
        body = content.body
        self.generation = generation
        tag = arguments.tag
        self.settlements = settlements
    }

    /// The headers among the properties.
    package var headers: AMQPTable { properties.headers }

    /// How often a quorum queue has delivered it before without success (`x-delivery-count`); `nil` from other queues
    /// and at the first delivery.
    package var deliveryCount: Int64? { headers["x-delivery-count"]?.int }

    /// The message is done with; the broker forgets it.
    package func ack() { settle(.ack) }

    /// The message is refused: `requeue` delivers it again and spends one of a quorum queue's deliveries; otherwise it is
    /// dead-lettered, or dropped where no dead lettering is set up.
    package func reject(requeue: Bool) { settle(.reject(requeue: requeue)) }

    private func settle(_ verdict: AckLedger.Verdict) {
        settlements.append(SettlementQueue.Settlement(generation: generation, tag: tag, verdict: verdict))
    }
}
