internal import CUV
internal import Glibc

extension EventLoop {
    /// The addresses of `host:port`, where the host is a name or a numeric address, in the system's order of preference.
    /// From anywhere. Names are looked up by libuv's threads, as `getaddrinfo` does it; the look-up itself can be given up
    /// (cancellation, `timeout`) but not interrupted. Throws `EventLoopError`, or `CancellationError`.
    package func resolve(_ text: String, timeout: Duration) async throws -> [SocketAddress] {
        guard let (host, portText) = SocketAddress.split(text), let port = SocketAddress.number(ofPort: portText) else {
            throw EventLoopError(.invalidAddress, "not of the form host:port")
        }
        if let numeric = SocketAddress(numeric: text) { return [numeric] }
        let lookup = Lookup(loop: self)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                execute { lookup.begin(host: host, port: port, timeout: timeout, continuation) }
            }
        } onCancel: {
            execute { lookup.end(.failure(CancellationError())) }
        }
    }
}

/// One `uv_getaddrinfo_t`, alive until its callback.
// @unchecked Sendable: confined to the loop's thread.
@safe private final class Lookup: @unchecked Sendable {
    private let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
    private let loop: EventLoop
    private var port: UInt16 = 0
    private var continuation: CheckedContinuation<[SocketAddress], any Error>?
    private var timer: LoopTimer?
    private var isOver = false

    init(loop: EventLoop) { self.loop = loop }

    deinit { unsafe request.deallocate() }

    func begin(
        host: String, port: UInt16, timeout: Duration, _ continuation: CheckedContinuation<[SocketAddress], any Error>
    ) {
        guard !isOver else { return continuation.resume(throwing: CancellationError()) }
        self.continuation = continuation
        self.port = port
        guard !loop.isClosing else { return end(.failure(EventLoopError(.shutDown, "look a name up"))) }
        let retained = unsafe Unmanaged.passRetained(self)
        unsafe request.pointee.data = retained.toOpaque()
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        let status = unsafe uv_getaddrinfo(
            loop.core.loop, request,
            { request, status, found in
                guard let data = unsafe request?.pointee.data else { return }
                unsafe Unmanaged<Lookup>.fromOpaque(data).takeRetainedValue().finish(status, found)
                unsafe uv_freeaddrinfo(found)
            }, host, nil, &hints)
        guard status == 0 else {
            unsafe retained.release()
            return end(.failure(EventLoopError.uv(status, "look a name up")))
        }
        loop.openHandles += 1
        timer = loop.schedule(after: timeout) { [self] in
            end(.failure(EventLoopError(.timedOut, "look a name up")))
        }
    }

    private func finish(_ status: Int32, _ found: UnsafeMutablePointer<addrinfo>?) {
        loop.openHandles -= 1
        guard status == 0 else { return end(.failure(EventLoopError.uv(status, "look a name up"))) }
        var addresses: [SocketAddress] = []
        var next = unsafe found
        while let entry = unsafe next {
            if let raw = unsafe entry.pointee.ai_addr, let address = unsafe SocketAddress.decode(raw) {
                addresses.append(SocketAddress(host: address.host, port: port))
            }
            unsafe next = entry.pointee.ai_next
        }
        end(.success(addresses))
    }

    /// The first call counts.
    func end(_ result: Result<[SocketAddress], any Error>) {
        isOver = true
        timer?.cancel()
        timer = nil
        continuation?.resume(with: result)
        continuation = nil
    }
}
