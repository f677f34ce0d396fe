internal import EventLoop
internal import HTTP2

/// What the connections of a server have in common.
protocol ServerConnectionOwner: AnyObject {
    /// The method of that path and its handler.
    func lookUp(_ path: String) -> (GRPCMethod, GRPCHandler)?
    /// A handler threw something that is not a status.
    func handlerFailed(_ method: GRPCMethod?, _ error: any Error)
    /// A call has its status.
    func callFinished(_ method: GRPCMethod?, _ code: GRPCStatus.Code, after duration: Duration)
    /// The connection is gone.
    func closed(_ connection: ServerConnection)
    /// A handler returned.
    func handlerEnded()
}

/// A client's connection at the server, with its calls.
// @unchecked Sendable: confined to the loop; every entry is a call from our own classes there.
final class ServerConnection: @unchecked Sendable {
    let loop: EventLoop
    let configuration: GRPCServer.Configuration
    private weak var owner: (any ServerConnectionOwner)?
    private var transport: HTTP2Connection?
    private var calls: [ObjectIdentifier: ServerCall] = [:]
    private var running: [ObjectIdentifier: ServerCall] = [:]
    private var ready: [ServerCall] = []
    private var isStarting = false
    private var heldBytes = 0

    /// The connection under the calls; set before the first of them exists.
    var http: HTTP2Connection { transport! }
    /// The client's address.
    let peer: SocketAddress

    init(
        socket: TCPConnection, loop: EventLoop, configuration: GRPCServer.Configuration,
        owner: any ServerConnectionOwner
    ) throws(HTTP2Session.Fatal) {
        self.loop = loop
        self.configuration = configuration
        self.owner = owner
        peer = socket.peer
        transport = try HTTP2Connection(
            socket: socket, role: .server, configuration: configuration.connection, loop: loop, owner: self)
    }

    func start() { http.start() }

    // MARK: For the calls

    func lookUp(_ path: String) -> (GRPCMethod, GRPCHandler)? { owner?.lookUp(path) }

    /// A request is complete; its handler starts once the bytes at hand were all taken.
    func isReady(_ call: ServerCall) { ready.append(call) }

    /// Starts the handlers of complete requests, in their order. Handlers of calls that were reset count until they have
    /// returned, so that a client gains nothing by resetting; the calls after them wait.
    private func startReady() {
        guard !isStarting, !ready.isEmpty else { return }
        isStarting = true
        var started = 0
        while started < ready.count, running.count < configuration.maximumConcurrentStreams {
            ready[started].start()
            started += 1
        }
        ready.removeFirst(started)
        isStarting = false
        if ready.count > 2 * configuration.maximumConcurrentStreams { ready.removeAll { $0.isFinished } }
    }

    func handlerStarted(_ call: ServerCall) { running[ObjectIdentifier(call)] = call }

    func handlerEnded(_ call: ServerCall) {
        running[ObjectIdentifier(call)] = nil
        startReady()
        owner?.handlerEnded()
    }

    func handlerFailed(_ method: GRPCMethod?, _ error: any Error) { owner?.handlerFailed(method, error) }

    func callFinished(_ method: GRPCMethod?, _ code: GRPCStatus.Code, after duration: Duration) {
        configuration.onCallFinished?(method, code, duration)
        owner?.callFinished(method, code, after: duration)
    }

    func callClosed(_ call: ServerCall) { calls[ObjectIdentifier(call)] = nil }

    /// Adds to the bytes held by calls; false when they are more than allowed.
    func holds(_ bytes: Int) -> Bool {
        heldBytes += bytes
        return heldBytes <= configuration.maximumHeldBytes
    }

    // MARK: The end

    /// Handlers that have not returned, those of vanished calls included.
    var runningHandlers: Int { running.count }

    func goAway() { http.goAway() }

    /// Ends every call with `unavailable` and the connection after them.
    func cut() {
        for call in calls.values { call.cut(GRPCStatus(.unavailable, "the server is shutting down")) }
        for call in running.values { call.cancelHandler() }
    }

    func close() { http.close(.noError) }
}

extension ServerConnection: HTTP2ConnectionOwner {
    func connection(_ connection: HTTP2Connection, opened stream: HTTP2Stream) {
        let call = ServerCall(stream: stream, connection: self)
        stream.handler = call
        calls[ObjectIdentifier(call)] = call
    }

    func connectionDidRead(_ connection: HTTP2Connection) { startReady() }

    func connectionClosed(_ connection: HTTP2Connection) {
        ready = []
        owner?.closed(self)
    }

    func connectionClosedStream(_ connection: HTTP2Connection) {}

    /// Clients' settings bind nghttp2, nobody else.
    func connectionReceivedSettings(_ connection: HTTP2Connection) {}

    /// A client that says GOAWAY closes once its calls are done.
    func connection(_ connection: HTTP2Connection, receivedGoAway error: HTTP2ErrorCode, reason: String) {}
}
