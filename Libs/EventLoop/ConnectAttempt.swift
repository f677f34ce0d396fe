/// One attempt to connect: the first of success, failure, timeout and cancellation decides.
// @unchecked Sendable: confined to the loop's thread.
final class ConnectAttempt: @unchecked Sendable {
    private let loop: EventLoop
    private var continuation: CheckedContinuation<TCPConnection, any Error>?
    private var connection: TCPConnection?
    private var timer: LoopTimer?
    private var isCancelled = false

    init(loop: EventLoop) { self.loop = loop }

    func begin(
        _ address: SocketAddress, timeout: Duration, _ continuation: CheckedContinuation<TCPConnection, any Error>
    ) {
        loop.preconditionCurrent()
        guard !isCancelled else { return continuation.resume(throwing: CancellationError()) }
        self.continuation = continuation
        do {
            connection = try TCPConnection.start(to: address, loop: loop) { [self] in finish($0) }
            timer = loop.schedule(after: timeout) { [self] in
                end(.failure(EventLoopError(.timedOut, "connect to \(address)")))
            }
        } catch {
            end(.failure(error))
        }
    }

    private func finish(_ error: EventLoopError?) {
        if let error {
            end(.failure(error))
        } else if let connection {
            end(.success(connection))
        }
    }

    /// The first call counts. A failure closes the connection if there is one.
    func end(_ result: Result<TCPConnection, any Error>) {
        loop.preconditionCurrent()
        guard let continuation else {
            isCancelled = true
            return
        }
        self.continuation = nil
        timer?.cancel()
        timer = nil
        if case .failure = result { connection?.close() }
        connection = nil
        continuation.resume(with: result)
    }
}
