/// What a channel is for. Confined to the connection's thread.
protocol ChannelRole: AnyObject {
    /// For the log: the queue, or "publisher".
    var label: String { get }
    /// The methods that make an open channel usable.
    var setup: [OutboundMethod] { get }
    /// The owner wants the channel closed and forgotten.
    var isFinished: Bool { get }
    /// The set-up is done.
    func opened(now: ContinuousClock.Instant)
    /// The channel or the connection is gone; nothing in flight on it will be answered.
    func lost(_ error: AMQPError)
    /// A method that is not part of the set-up; answers an error when the channel must be opened anew.
    func receive(_ method: InboundMethod, now: ContinuousClock.Instant) -> AMQPError?
    /// A complete delivery or return.
    func receive(_ content: AMQPContent) throws(AMQPError)
    /// Methods that have become due.
    func takeMethods() -> [OutboundMethod]
    /// The connection ends for good: what waits is refused.
    func shutDown()
    /// An error when the channel has hung and must be opened anew.
    func stalled(now: ContinuousClock.Instant) -> AMQPError?
}
