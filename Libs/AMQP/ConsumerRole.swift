/// The consumer's side on the connection's thread.
final class ConsumerRole: ChannelRole {
    private let configuration: AMQPConsumer.Configuration
    private let buffer: DeliveryBuffer
    private let settlements: SettlementQueue
    private let readiness: Readiness
    private let cancellation: CancellationFlag
    private var ledger = AckLedger()
    /// Counts the channel's openings, so that a decision about a former channel's delivery is told apart.
    private var generation: UInt64 = 0
    private var isOpen = false

    init(
        configuration: AMQPConsumer.Configuration, buffer: DeliveryBuffer, settlements: SettlementQueue,
        readiness: Readiness, cancellation: CancellationFlag
    ) {
        self.configuration = configuration
        self.buffer = buffer
        self.settlements = settlements
        self.readiness = readiness
        self.cancellation = cancellation
    }

    var label: String { configuration.queue.name.isEmpty ? "temporary queue" : configuration.queue.name }

    var isFinished: Bool { cancellation.isSet }

    /// The largest body to be kept, in bytes.
    var maximumBodySize: Int { configuration.maximumBodySize }

    var setup: [OutboundMethod] {
        let queue = configuration.queue
        let bindings = configuration.bindings.map { OutboundMethod.queueBind($0) }
        return configuration.topology.methods + [.queueDeclare(queue)] + bindings + [
            .qos(prefetch: configuration.prefetch), .consume(queue: queue.name, isExclusive: queue.isExclusive),
        ]
    }

    func opened(now: ContinuousClock.Instant) {
        isOpen = true
        generation += 1
        ledger = AckLedger()
        readiness.markReady()
    }

    func lost(_ error: AMQPError) {
        isOpen = false
        readiness.markNotReady()
        buffer.removeAll()
    }

    func receive(_ method: InboundMethod, now: ContinuousClock.Instant) -> AMQPError? {
        guard case .cancel = method else { return nil }
        return AMQPError(.channelClosed(replyCode: 404), "the broker cancelled the consumer")
    }

    func receive(_ content: AMQPContent) throws(AMQPError) {
        guard case .delivery(let arguments) = content.origin else {
            throw AMQPError(.protocolViolation, "a returned message arrived on a consumer's channel")
        }
        guard ledger.delivered(tag: arguments.tag) else {
            throw AMQPError(.protocolViolation, "delivery tag \(arguments.tag) is out of turn")
        }
        if content.isOversized {
            ledger.settle(tag: arguments.tag, .reject(requeue: false))
        } else {
            buffer.append(AMQPDelivery(arguments, content, generation: generation, settlements: settlements))
        }
    }

    func takeMethods() -> [OutboundMethod] {
        for settlement in settlements.takeAll() where isOpen && settlement.generation == generation {
            ledger.settle(tag: settlement.tag, settlement.verdict)
        }
        return isOpen ? ledger.takeMethods() : []
    }

    func stalled(now: ContinuousClock.Instant) -> AMQPError? { nil }

    func shutDown() {
        readiness.fail(AMQPError(.shutDown, "the connection is shut down"))
        buffer.finish()
    }
}
