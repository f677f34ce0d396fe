internal import Glibc
internal import Synchronization

/// The socket of a connection as other threads may see it: they can shut it down, so that the connection's thread
/// returns from whatever wait it is in. The lock keeps a descriptor from being closed and reused meanwhile.
final class SocketSlot: Sendable {
    private struct State {
        var descriptor: Int32?
        var isServing = false
        var isShutDown = false
    }

    private let state = Mutex(State())

    /// Notes a socket that is about to log in.
    func set(_ descriptor: Int32) {
        state.withLock {
            $0.descriptor = descriptor
            $0.isServing = false
            if $0.isShutDown { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// Notes that from here on the thread watches its wake descriptor.
    func markServing() { state.withLock { $0.isServing = true } }

    /// Forgets the socket, just before it is closed.
    func clear() { state.withLock { $0.descriptor = nil } }

    /// Ends the present connection, and any later one, at once. With `sparingServed`, one that is past its login is left
    /// to end in an orderly way.
    func shutDown(sparingServed: Bool) {
        state.withLock {
            if sparingServed && $0.descriptor != nil && $0.isServing { return }
            $0.isShutDown = true
            if let descriptor = $0.descriptor { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }
}
