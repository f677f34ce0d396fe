package import EventLoop
internal import Synchronization

/// What a handler knows of its call, and what it may say beside its messages.
package struct ServerContext: Sendable {
    /// The method that was called.
    package let method: GRPCMethod
    /// What the caller sent beside the message.
    package let metadata: GRPCMetadata
    /// When the call ends in any case, on the clock of `EventLoop.now`; nil when the caller set none.
    package let deadline: Duration?
    /// The address at the other end of the connection.
    package let peer: SocketAddress
    private let loop: EventLoop
    private let reply: ReplyMetadata

    init(
        method: GRPCMethod, metadata: GRPCMetadata, deadline: Duration?, peer: SocketAddress, loop: EventLoop,
        reply: ReplyMetadata
    ) {
        self.method = method
        self.metadata = metadata
        self.deadline = deadline
        self.peer = peer
        self.loop = loop
        self.reply = reply
    }

    /// What is left until the deadline, at least zero; nil when there is none.
    package var remaining: Duration? { deadline.map { max(.zero, $0 - loop.now) } }

    /// Sets the metadata sent before the first message; without effect once that is on its way.
    package func setInitialMetadata(_ metadata: GRPCMetadata) { reply.state.withLock { $0.initial = metadata } }

    /// Sets the metadata sent beside the status.
    package func setTrailingMetadata(_ metadata: GRPCMetadata) { reply.state.withLock { $0.trailing = metadata } }
}

/// The metadata that a handler wants sent; the handler may be on any thread.
final class ReplyMetadata: Sendable {
    struct State {
        var initial = GRPCMetadata()
        var trailing = GRPCMetadata()
    }

    let state = Mutex(State())
}
