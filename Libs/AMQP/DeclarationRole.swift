/// A channel that lives for one declaration, so that a refused one closes no other channel.
final class DeclarationRole: ChannelRole {
    private let methods: [OutboundMethod]
    private let readiness: Readiness
    private let isAbandoned: CancellationFlag
    private var isDone = false

    let label = "declaration"

    init(_ methods: [OutboundMethod], readiness: Readiness, isAbandoned: CancellationFlag) {
        self.isAbandoned = isAbandoned
        self.methods = methods
        self.readiness = readiness
    }

    /// Set when the caller waits no longer.
    var isFinished: Bool { isDone || isAbandoned.isSet }

    var setup: [OutboundMethod] { methods }

    func opened(now: ContinuousClock.Instant) {
        isDone = true
        readiness.markReady()
    }

    func lost(_ error: AMQPError) {
        // A lost connection is tried again with the next one; what the broker refuses stays refused.
        guard !isDone else { return }
        switch error.code {
        case .channelClosed, .invalidArgument:
            isDone = true
            readiness.fail(error)
        default: return
        }
    }

    func shutDown() { readiness.fail(AMQPError(.shutDown, "the connection is shut down")) }

    func receive(_ method: InboundMethod, now: ContinuousClock.Instant) -> AMQPError? { nil }

    func receive(_ content: AMQPContent) throws(AMQPError) {
        throw AMQPError(.protocolViolation, "content arrived on a declaration's channel")
    }

    func takeMethods() -> [OutboundMethod] { [] }

    func stalled(now: ContinuousClock.Instant) -> AMQPError? { nil }
}
