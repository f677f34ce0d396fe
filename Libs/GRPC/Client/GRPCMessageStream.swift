/// The messages of a server-streaming call. One reader; dropping the stream and its iterators cancels the call.
///
/// The server is held back by flow control while messages are not taken. It ends after the last message of a call that
/// went well, and throws the status of any other.
package struct GRPCMessageStream: AsyncSequence, Sendable {
    /// A message, serialised protobuf.
    package typealias Element = [UInt8]
    /// How a call ended that did not end well.
    package typealias Failure = GRPCStatus

    /// Cancels the call when nobody can read it any more.
    fileprivate final class Handle: Sendable {
        let call: ClientCall

        init(_ call: ClientCall) { self.call = call }

        deinit { call.cancel() }
    }

    private let handle: Handle

    init(_ call: ClientCall) { handle = Handle(call) }

    /// The one reader; a second at the same time is refused with `internalError`.
    package func makeAsyncIterator() -> Iterator { Iterator(handle: handle) }

    /// Waits for the metadata that comes before the first message.
    package func initialMetadata() async throws(GRPCStatus) -> GRPCMetadata {
        try await handle.call.awaitInitialMetadata().get()
    }

    /// The metadata that came beside the status; nil until the stream has ended.
    package func trailingMetadata() async -> GRPCMetadata? { await handle.call.trailingMetadata() }

    /// Ends the call; the server's handler is cancelled.
    package func cancel() { handle.call.cancel() }

    /// Takes the messages one by one, in their order.
    package struct Iterator: AsyncIteratorProtocol {
        private let handle: Handle
        private var taken: [[UInt8]] = []
        private var position = 0

        fileprivate init(handle: Handle) { self.handle = handle }

        /// The next message, or nil after the last.
        package mutating func next() async throws(GRPCStatus) -> [UInt8]? {
            if position == taken.count {
                taken = try await handle.call.nextMessages().get()
                position = 0
            }
            guard position < taken.count else { return nil }
            position += 1
            return taken[position - 1]
        }

        /// The same, on the caller's actor.
        package mutating func next(isolation actor: isolated (any Actor)?) async throws(GRPCStatus) -> [UInt8]? {
            try await next()
        }
    }
}
