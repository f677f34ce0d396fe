/// Publishes with confirms on a channel of its own; many messages are in flight at a time, in the order of the calls.
///
/// Within one call, nothing is sent after a message whose channel was lost: what failed can be published again without
/// having been overtaken by later messages of the same call.
///
/// While the broker is away or blocked, messages wait here until the bound of their call.
package final class AMQPPublisher: Sendable {
    /// Bounds of a publisher.
    package struct Configuration: Sendable {
        /// Messages sent and not yet confirmed.
        package var maximumInFlight = 1024
        /// Body bytes sent and not yet confirmed; one message may exceed it alone.
        package var maximumBytesInFlight = 4 << 20
        /// Messages waiting to be sent.
        package var maximumWaiting = 65_536
        /// Body bytes waiting to be sent.
        package var maximumBytesWaiting = 64 << 20
        /// The bound of a call that names none.
        package var timeout: Duration = .seconds(10)
        /// A channel whose oldest message is not confirmed for that long, with the broker not blocked, is opened anew.
        package var stallTimeout: Duration = .seconds(30)

        package init() {}
    }

    private let configuration: Configuration
    private let queue: PublishQueue
    private let waker: Waker
    private let readiness: Readiness
    private let isDropped: CancellationFlag
    private let expiry = PublishExpiry()

    init(
        configuration: Configuration, queue: PublishQueue, waker: Waker, readiness: Readiness,
        isDropped: CancellationFlag
    ) {
        self.configuration = configuration
        self.queue = queue
        self.waker = waker
        self.readiness = readiness
        self.isDropped = isDropped
    }

    deinit {
        isDropped.set()
        expiry.cancel()
        waker.signal()
    }

    /// Whether the channel is open.
    package var isReady: Bool { readiness.isReady }

    /// Messages that wait to be sent.
    package var waiting: Int { queue.count }

    /// Waits until the channel is open.
    package func waitUntilReady(timeout: Duration) async throws(AMQPError) {
        try await readiness.wait(timeout: timeout)
    }

    /// Publishes the messages and waits for the outcome of each, in their order.
    ///
    /// Returns within `timeout` whatever the broker does; messages without an answer are then `timedOut`, as they are when
    /// the task is cancelled.
    package func publish(_ messages: [AMQPMessage], timeout: Duration? = nil) async -> [AMQPPublishOutcome] {
        guard !messages.isEmpty else { return [] }
        let batch = PublishBatch(messages)
        let bound = timeout ?? configuration.timeout
        // Not left to the connection's thread, which may be waiting for a login.
        let call = expiry.begin(batch, deadline: .now + bound)
        defer { expiry.end(call) }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                batch.await(continuation)
                do throws(AMQPError) {
                    try queue.append(batch)
                    waker.signal()
                } catch {
                    batch.settleRest(.refused(error))
                }
            }
        } onCancel: {
            batch.settleRest(.timedOut)
        }
    }

    /// Publishes one message.
    package func publish(_ message: AMQPMessage, timeout: Duration? = nil) async -> AMQPPublishOutcome {
        await publish([message], timeout: timeout)[0]
    }
}
