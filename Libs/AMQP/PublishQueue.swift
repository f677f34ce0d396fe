internal import Synchronization

/// Batches that wait to be sent: filled by callers, emptied by the connection's thread, bounded in messages and bytes.
final class PublishQueue: Sendable {
    private struct State {
        var batches: [PublishBatch] = []
        var messages = 0
        var bytes = 0
        var isClosed = false
    }

    private let maximumMessages: Int
    private let maximumBytes: Int
    private let state = Mutex(State())

    init(maximumMessages: Int, maximumBytes: Int) {
        self.maximumMessages = maximumMessages
        self.maximumBytes = maximumBytes
    }

    /// Messages that wait, those included whose bound has passed.
    var count: Int { state.withLock { $0.messages } }

    /// Puts a batch at the end.
    /// - Throws: `.overloaded` when it does not fit; `.shutDown` after `close`.
    func append(_ batch: PublishBatch) throws(AMQPError) {
        let failure: AMQPError? = state.withLock { state in
            if state.isClosed { return AMQPError(.shutDown, "the connection is shut down") }
            if !fits(batch, state) { removeSettled(&state) }
            guard fits(batch, state) else {
                return AMQPError(.overloaded, "\(state.messages) messages wait to be published")
            }
            state.batches.append(batch)
            state.messages += batch.messages.count
            state.bytes += batch.size
            return nil
        }
        if let failure { throw failure }
    }

    private func fits(_ batch: PublishBatch, _ state: State) -> Bool {
        state.messages + batch.messages.count <= maximumMessages && state.bytes + batch.size <= maximumBytes
    }

    /// Batches whose bound has passed stay in the queue until room is needed.
    private func removeSettled(_ state: inout State) {
        state.batches.removeAll(where: \.isSettled)
        state.messages = state.batches.reduce(0) { $0 + $1.messages.count }
        state.bytes = state.batches.reduce(0) { $0 + $1.size }
    }

    /// Removes and returns everything that waits, in order.
    func takeAll() -> [PublishBatch] {
        state.withLock { state in
            defer { (state.batches, state.messages, state.bytes) = ([], 0, 0) }
            return state.batches
        }
    }

    /// Refuses what waits and everything that comes.
    func close() {
        state.withLock { $0.isClosed = true }
        for batch in takeAll() {
            batch.settleRest(.refused(AMQPError(.shutDown, "the connection is shut down")))
        }
    }
}
