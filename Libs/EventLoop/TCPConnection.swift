internal import CUV
internal import Glibc

/// A TCP connection confined to its loop: every method and property is for the loop's thread.
///
/// It keeps itself and its delegate alive until it is closed. `TCP_NODELAY` is set.
// @unchecked Sendable: confined to the loop's thread; every method checks.
package final class TCPConnection: LoopHandle, Transport, @unchecked Sendable {
    /// `connectionDidDrain` is called while fewer bytes than this are queued.
    package static let lowMark = 65536

    /// Hears of data and of the end; released when the connection has closed.
    package var delegate: (any TransportDelegate)?
    /// The other side's address.
    package private(set) var peer = SocketAddress.loopback(port: 0)
    /// Our side's address.
    package private(set) var local = SocketAddress.loopback(port: 0)

    var output = OutputQueue()
    var ending = Ending.none
    private var isReading = false
    private var hasReachedEOF = false
    private var closeError: EventLoopError?
    private var lingerTimer: LoopTimer?
    private var linger = Duration.zero
    private var whenConnected: ((EventLoopError?) -> Void)?

    /// How far an orderly end has got.
    enum Ending { case none, flushing, shutdown, lingering }

    /// Takes over a connected descriptor, which is closed when this throws.
    convenience init(adopting descriptor: Int32, loop: EventLoop) throws(EventLoopError) {
        do {
            try self.init(loop: loop)
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
        let status = unsafe uv_tcp_open(stream.tcp, descriptor)
        guard status == 0 else {
            _ = Glibc.close(descriptor)
            closeHandle()
            throw .uv(status, "take over a connection")
        }
        do {
            try prepareConnected()
        } catch {
            closeHandle()
            throw error
        }
    }

    private init(loop: EventLoop) throws(EventLoopError) {
        super.init(loop: loop, type: UV_TCP)
        unsafe try open("open a connection") { unsafe uv_tcp_init($0, pointer(as: uv_tcp_t.self)) }
    }

    /// Connects within `timeout`, which bounds the whole attempt. From anywhere; the connection's own methods are for the
    /// loop. Does not read until `startReading`. Throws `CancellationError` when the task is cancelled, else `EventLoopError`.
    package static func connect(to address: SocketAddress, loop: EventLoop, timeout: Duration) async throws
        -> TCPConnection
    {
        let attempt = ConnectAttempt(loop: loop)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                loop.execute { attempt.begin(address, timeout: timeout, continuation) }
            }
        } onCancel: {
            loop.execute { attempt.end(.failure(CancellationError())) }
        }
    }

    /// Whether the connection has not begun to close; after that, writes are dropped.
    package var isActive: Bool { isOpen && ending == .none }

    /// Begins to deliver what arrives. Idempotent.
    package func startReading() {
        loop.preconditionCurrent()
        guard isOpen, !isReading, !hasReachedEOF else { return }
        isReading = true
        let status = unsafe uv_read_start(
            stream.stream,
            { handle, _, buffer in
                // One buffer for the loop is enough: libuv asks for it right before it reads and calls back right after.
                let memory = unsafe LoopHandle.owner(of: handle, as: TCPConnection.self).loop.readBuffer
                unsafe buffer?.pointee = uv_buf_t(
                    base: memory.baseAddress?.assumingMemoryBound(to: CChar.self), len: memory.count)
            },
            { handle, count, _ in
                unsafe LoopHandle.owner(of: handle, as: TCPConnection.self).didRead(count)
            })
        if status != 0 { fail(.uv(status, "read from a connection")) }
    }

    /// Lets what arrives wait in the system's buffer, which slows the peer down. The end of the stream is not seen either.
    package func pauseReading() {
        loop.preconditionCurrent()
        guard isReading else { return }
        isReading = false
        // C rule: uv_read_stop cannot fail.
        if isOpen { _ = unsafe uv_read_stop(stream.stream) }
    }

    /// The opposite of `pauseReading`.
    package func resumeReading() { startReading() }

    /// Closes at once; what is queued is dropped. Idempotent.
    package func close() {
        loop.preconditionCurrent()
        finish()
        closeHandle()
    }

    /// Breaks off with a reset, so that the peer cannot take what it has for the whole. Idempotent.
    package func abort() {
        loop.preconditionCurrent()
        finish()
        resetHandle()
    }

    /// Writes out what is queued, ends our side, then waits for the peer's end while throwing away what still arrives: a
    /// close with unread bytes would be a reset, which can destroy our last answer. Writing has `timeout`, waiting `linger`.
    package func closeAfterFlush(timeout: Duration, linger: Duration) {
        loop.preconditionCurrent()
        guard isOpen, ending == .none || ending == .shutdown else { return }
        self.linger = linger
        if ending == .shutdown, output.isEmpty { return beginLingering() }
        ending = .flushing
        lingerTimer = loop.schedule(after: timeout) { [weak self] in self?.close() }
        advanceEnding()
    }

    /// Ends our side once everything queued is written, and goes on reading. Further writes are dropped.
    package func shutdownWrite() {
        loop.preconditionCurrent()
        guard isActive else { return }
        ending = .shutdown
        advanceEnding()
    }

    override func handleDidClose() {
        finish()
        output = OutputQueue()
        let delegate = self.delegate
        self.delegate = nil
        delegate?.connection(self, didCloseWith: closeError)
        whenConnected?(closeError ?? EventLoopError(.closed, "connect"))
        whenConnected = nil
    }

    override func loopWillShutDown() {
        if closeError == nil { closeError = EventLoopError(.shutDown, "the event loop has shut down") }
        close()
    }
}

extension TCPConnection {
    var stream: StreamPointers { StreamPointers(self) }

    /// Closes because of an error, which the delegate will be told.
    func fail(_ error: EventLoopError) {
        if closeError == nil { closeError = error }
        close()
    }

    private func finish() {
        lingerTimer?.cancel()
        lingerTimer = nil
        isReading = false
    }

    private func prepareConnected() throws(EventLoopError) {
        // It fails only for a socket that is gone already, which the next line reports.
        _ = unsafe uv_tcp_nodelay(stream.tcp, 1)
        peer = try unsafe SocketAddress(reading: { unsafe uv_tcp_getpeername(stream.tcp, $0, unsafeIntPointer($1)) })
        local = try unsafe SocketAddress(reading: { unsafe uv_tcp_getsockname(stream.tcp, $0, unsafeIntPointer($1)) })
    }

    private func didRead(_ count: Int) {
        if count > 0 {
            guard ending != .flushing, ending != .lingering else { return }
            let bytes = unsafe UnsafeRawBufferPointer(start: loop.readBuffer.baseAddress, count: count)
            delegate?.connection(self, didReceive: unsafe bytes.bytes)
        } else if count == Int(UV_EOF.rawValue) {
            hasReachedEOF = true
            pauseReading()
            if ending == .lingering { close() } else { delegate?.connectionDidReachEOF(self) }
        } else if count < 0 {
            fail(.uv(Int32(count), "read from a connection"))
        }
    }

    /// Our side has ended: what remains is the peer's end.
    private func beginLingering() {
        ending = .lingering
        if hasReachedEOF { return close() }
        lingerTimer?.cancel()
        lingerTimer = loop.schedule(after: linger) { [weak self] in self?.close() }
        startReading()
    }

    /// Takes the next step of an orderly end when everything is written.
    func advanceEnding() {
        guard isOpen, ending == .flushing || ending == .shutdown, output.isEmpty else { return }
        let request = ShutdownRequest(self)
        let status = request.begin()
        if ending == .flushing {
            if status == 0 { beginLingering() } else { close() }
        } else if status != 0 {
            fail(.uv(status, "end a connection"))
        }
    }
}

extension TCPConnection {
    /// Starts to connect; `completion` is called exactly once.
    static func start(
        to address: SocketAddress, loop: EventLoop, completion: @escaping (EventLoopError?) -> Void
    ) throws(EventLoopError) -> TCPConnection {
        let connection = try TCPConnection(loop: loop)
        connection.whenConnected = completion
        let request = ConnectRequest(connection)
        let status = unsafe address.withSockaddr { address, _ in unsafe request.begin(address) }
        guard status == 0 else {
            connection.whenConnected = nil
            connection.closeHandle()
            throw .uv(status, "connect to \(address)")
        }
        return connection
    }

    func didConnect(_ status: Int32) {
        guard isOpen, let completion = whenConnected else { return }
        whenConnected = nil
        guard status == 0 else {
            closeHandle()
            return completion(.uv(status, "connect"))
        }
        do {
            try prepareConnected()
            completion(nil)
        } catch {
            closeHandle()
            completion(error)
        }
    }
}
