internal import CUV
internal import Glibc

/// A listening socket. Accepting is ours rather than libuv's, because `uv_listen` can neither be paused nor be kept from
/// spinning when the process has no descriptor left.
// @unchecked Sendable: `localAddress` is immutable; everything else is confined to the loop's thread.
package final class TCPListener: @unchecked Sendable {
    /// Connections taken in one go before other sockets get their turn.
    private static let acceptsPerTurn = 64
    /// How long to leave the queue alone when there is no descriptor left.
    private static let exhaustionPause = Duration.milliseconds(50)

    /// The bound address with its actual port.
    package let localAddress: SocketAddress
    private let loop: EventLoop
    private let accept: @Sendable (TCPConnection) -> Void
    private var descriptor: Int32
    /// Whether the socket outlives us, with the connections in its queue.
    private let isInherited: Bool
    /// Held open so that, when none is left, it can be given up to take one connection and close it at once: its client
    /// learns of the overload instead of waiting.
    private var spare: Int32
    private var handle: PollHandle?
    private var exhaustionTimer: LoopTimer?
    private var isPaused = false
    private var isExhausted = false

    /// Binds and listens; `accept` is called on the loop for each connection, which does not read yet. On the loop only.
    /// Connections of the queue wait while the listener is paused or the process has no descriptor left.
    ///
    /// - Parameters:
    ///   - inherited: where there is a socket for that address among these, it is used as it is.
    ///   - isPaused: leaves connections in the queue until `resume()`.
    package static func listen(
        on address: SocketAddress, loop: EventLoop, backlog: Int32 = 1024, reusePort: Bool = false,
        inherited: InheritedSockets = .none, isPaused: Bool = false, accept: @escaping @Sendable (TCPConnection) -> Void
    ) throws(EventLoopError) -> TCPListener {
        loop.preconditionCurrent()
        let handedOver = inherited.claim(address)
        let descriptor =
            if let handedOver { handedOver } else { try open(address, backlog: backlog, reusePort: reusePort) }
        let listener: TCPListener
        do {
            let local = try unsafe SocketAddress(reading: { unsafe getsockname(descriptor, $0, $1) })
            listener = TCPListener(
                descriptor: descriptor, localAddress: local, isInherited: handedOver != nil, isPaused: isPaused,
                loop: loop, accept: accept)
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
        try listener.start()
        return listener
    }

    private init(
        descriptor: Int32, localAddress: SocketAddress, isInherited: Bool, isPaused: Bool, loop: EventLoop,
        accept: @escaping @Sendable (TCPConnection) -> Void
    ) {
        self.descriptor = descriptor
        self.isInherited = isInherited
        self.isPaused = isPaused
        self.localAddress = localAddress
        self.loop = loop
        self.accept = accept
        spare = Self.openSpare()
    }

    deinit {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        if spare >= 0 { _ = Glibc.close(spare) }
    }

    /// Stops accepting and closes the socket; connections still in its queue are reset by the system. Idempotent, from
    /// anywhere.
    package func close() async {
        await withCheckedContinuation { continuation in
            loop.execute { self.stop { continuation.resume() } }
        }
    }

    /// As `close()`, after accepting what the system's queue holds: those clients believe to be connected. The queue of an
    /// inherited socket is left to whoever has it next.
    package func finishAccepting() async {
        await withCheckedContinuation { continuation in
            loop.execute { [self] in
                isPaused = false
                if !isInherited { acceptPending(atMost: .max) }
                stop { continuation.resume() }
            }
        }
    }

    /// Leaves new connections in the system's queue until `resume()`. On the loop only.
    package func pause() {
        loop.preconditionCurrent()
        isPaused = true
        updateWatch()
    }

    /// Accepts again after `pause()`. On the loop only.
    package func resume() {
        loop.preconditionCurrent()
        isPaused = false
        updateWatch()
    }

    private static func open(_ address: SocketAddress, backlog: Int32, reusePort: Bool) throws(EventLoopError) -> Int32
    {
        let descriptor = socket(address.family, florin_stream_socket, 0)
        guard descriptor >= 0 else { throw .system(errno, "open a listening socket") }
        var status = setOption(descriptor, SOL_SOCKET, SO_REUSEADDR)
        if status == 0, reusePort { status = setOption(descriptor, SOL_SOCKET, SO_REUSEPORT) }
        // [::] must mean IPv6 alone, whatever the system's default, so that 0.0.0.0 can be bound beside it.
        if status == 0, address.family == AF_INET6 { status = setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
        if status == 0 { status = unsafe address.withSockaddr { unsafe bind(descriptor, $0, $1) } }
        if status == 0 { status = Glibc.listen(descriptor, backlog) }
        guard status == 0 else {
            let number = errno
            _ = Glibc.close(descriptor)
            throw .system(number, "listen on \(address)")
        }
        return descriptor
    }

    private static func setOption(_ descriptor: Int32, _ level: Int32, _ option: Int32) -> Int32 {
        var one: Int32 = 1
        return unsafe setsockopt(descriptor, level, option, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func openSpare() -> Int32 { unsafe Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) }

    private func start() throws(EventLoopError) {
        // Held strongly by the handle: a listener lives until it is closed or the loop shut down.
        let handle = try PollHandle(descriptor: descriptor, loop: loop) { [self] _ in
            acceptPending(atMost: Self.acceptsPerTurn)
        }
        handle.onShutdown = { [self] in stop {} }
        self.handle = handle
        updateWatch()
    }

    private func stop(whenClosed: @escaping () -> Void) {
        exhaustionTimer?.cancel()
        exhaustionTimer = nil
        guard let handle else { return whenClosed() }
        self.handle = nil
        handle.stop(whenClosed: whenClosed)
        _ = Glibc.close(descriptor)
        descriptor = -1
    }

    private func updateWatch() {
        handle?.watch(isPaused || isExhausted ? 0 : Int32(UV_READABLE.rawValue))
    }

    private func acceptPending(atMost limit: Int) {
        var taken = 0
        while taken < limit, descriptor >= 0, !isPaused {
            taken += 1
            let accepted = accept4(descriptor, nil, nil, florin_accept_flags)
            if accepted >= 0 {
                adopt(accepted)
                continue
            }
            switch errno {
            case EAGAIN: return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return rest()
            // The connection is gone already, or the network reported its error here: take the next one (accept(2)).
            default: continue
            }
        }
    }

    private func adopt(_ accepted: Int32) {
        do {
            accept(try TCPConnection(adopting: accepted, loop: loop))
        } catch {
            // The peer reset the connection before we could look at it; `adopting` has closed the descriptor.
            return
        }
    }

    private func rest() {
        if spare >= 0 {
            _ = Glibc.close(spare)
            let refused = accept4(descriptor, nil, nil, florin_accept_flags)
            if refused >= 0 { _ = Glibc.close(refused) }
        }
        spare = Self.openSpare()
        isExhausted = true
        updateWatch()
        exhaustionTimer = loop.schedule(after: Self.exhaustionPause) { [weak self] in
            guard let self else { return }
            if spare < 0 { spare = Self.openSpare() }
            isExhausted = false
            updateWatch()
        }
    }
}
