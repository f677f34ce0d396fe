/// The publisher's side on the connection's thread: which message is next, and which outcome belongs to which.
final class PublisherRole: ChannelRole {
    /// A message of a batch.
    struct Item {
        var batch: PublishBatch
        var index: Int
        var message: AMQPMessage { batch.messages[index] }
    }

    private let queue: PublishQueue
    private let readiness: Readiness
    private let configuration: AMQPPublisher.Configuration
    /// Taken from the queue, in order; the first one from `nextIndex`.
    private var batches: [PublishBatch] = []
    private var firstBatch = 0
    private var nextIndex = 0
    private var confirms = ConfirmTable<Item>()
    private var isOpen = false
    private var lastProgress: ContinuousClock.Instant?
    /// What this publisher relies on; declared each time the channel opens.
    private let topology: NotedTopology

    let label = "publisher"
    private let isDropped: CancellationFlag
    /// Nobody holds the publisher any more.
    var isFinished: Bool { isDropped.isSet }

    init(
        queue: PublishQueue, readiness: Readiness, configuration: AMQPPublisher.Configuration,
        topology: NotedTopology, isDropped: CancellationFlag
    ) {
        self.isDropped = isDropped
        self.queue = queue
        self.readiness = readiness
        self.configuration = configuration
        self.topology = topology
    }

    var setup: [OutboundMethod] { topology.current.methods + [.confirmSelect] }

    func opened(now: ContinuousClock.Instant) {
        isOpen = true
        lastProgress = nil
        readiness.markReady()
    }

    func lost(_ error: AMQPError) {
        isOpen = false
        readiness.markNotReady()
        // The rest of a call in part lost fails with it: sent later, it would overtake what is published again.
        for settled in confirms.fail(error) { settled.owner.batch.settleRest(settled.outcome) }
        confirms = ConfirmTable()
    }

    /// The next message to send, as far as the window has room.
    func next() -> Item? {
        guard isOpen, confirms.inFlight < configuration.maximumInFlight,
            confirms.bytesInFlight < configuration.maximumBytesInFlight
        else { return nil }
        while true {
            if firstBatch == batches.count {
                batches = queue.takeAll()
                (firstBatch, nextIndex) = (0, 0)
                if batches.isEmpty { return nil }
            }
            let batch = batches[firstBatch]
            if nextIndex < batch.messages.count, !batch.isSettled {
                defer { nextIndex += 1 }
                return Item(batch: batch, index: nextIndex)
            }
            (firstBatch, nextIndex) = (firstBatch + 1, 0)
        }
    }

    /// The item was written.
    func sent(_ item: Item, now: ContinuousClock.Instant) {
        if confirms.inFlight == 0 { lastProgress = now }
        let message = item.message
        confirms.sent(messageID: message.id, size: message.body.count, owner: item)
    }

    /// The item cannot be written.
    func refused(_ item: Item, _ error: AMQPError) { item.batch.settle(item.index, .refused(error)) }

    func receive(_ method: InboundMethod, now: ContinuousClock.Instant) -> AMQPError? {
        switch method {
        case .ack(let tag, let multiple): settle(tag, multiple, isPositive: true, now)
        case .nack(let tag, let multiple): settle(tag, multiple, isPositive: false, now)
        default: break
        }
        return nil
    }

    private func settle(_ tag: UInt64, _ multiple: Bool, isPositive: Bool, _ now: ContinuousClock.Instant) {
        lastProgress = now
        for settled in confirms.settle(tag: tag, multiple: multiple, isPositive: isPositive) {
            settled.owner.batch.settle(settled.owner.index, settled.outcome)
        }
    }

    func receive(_ content: AMQPContent) throws(AMQPError) {
        guard case .returned(let code, let text) = content.origin else {
            throw AMQPError(.protocolViolation, "a delivery arrived on a publisher's channel")
        }
        confirms.returned(messageID: content.properties.messageID ?? "", code: code, text: text)
    }

    func takeMethods() -> [OutboundMethod] { [] }

    func stalled(now: ContinuousClock.Instant) -> AMQPError? {
        guard isOpen, confirms.inFlight > 0, let lastProgress, now - lastProgress > configuration.stallTimeout else {
            return nil
        }
        return AMQPError(.timedOut, "\(confirms.inFlight) messages stay unconfirmed")
    }

    /// The broker is blocked: time without a confirm does not count.
    func excuseStall(now: ContinuousClock.Instant) { lastProgress = now }

    func shutDown() {
        queue.close()
        for batch in batches[firstBatch...] {
            batch.settleRest(.refused(AMQPError(.shutDown, "the connection is shut down")))
        }
        batches = []
        firstBatch = 0
    }
}
