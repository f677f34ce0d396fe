/// Sends the messages of a streaming response, one after the other.
package struct GRPCResponseWriter: Sendable {
    private let call: ServerCall

    init(call: ServerCall) { self.call = call }

    /// Queues a message, and waits while the caller does not read what was queued before.
    ///
    /// - Throws: `cancelled` when the call is over or the task was cancelled. A streaming handler ends then.
    package func write(_ message: [UInt8]) async throws(GRPCStatus) {
        if call.loop.isCurrent {
            switch call.enqueue(message) {
            case .accepted: return
            case .over: throw ServerCall.over
            case .full: break
            }
            guard await call.waitForRoom(sending: nil) else { throw ServerCall.over }
        } else {
            guard await call.waitForRoom(sending: message) else { throw ServerCall.over }
        }
    }
}
