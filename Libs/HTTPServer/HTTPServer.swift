package import EventLoop
internal import Synchronization

/// An HTTP/1.1 server on an event loop.
///
/// Each request runs `handler` in a task of its own that starts at once on the loop; a handler that does not suspend costs
/// no change of thread. Pipelined requests are handled one after another, answered in order. When the client goes away the
/// task is cancelled.
// @unchecked Sendable: the counters are atomic; everything else that changes is confined to the loop's thread.
package final class HTTPServer: @unchecked Sendable {
    /// Refused connections that may linger at a time, beside those that are served.
    private static let maxLingering = 256

    let loop: EventLoop
    let configuration: Configuration
    let handler: @Sendable (HTTPRequest) async -> HTTPResponse
    private(set) var isDraining = false
    private var listener: TCPListener?
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var connectionsByHost: [SocketAddress.Host: Int] = [:]
    private var lingering: [ObjectIdentifier: RefusedConnection] = [:]
    private var unflushed: [HTTPConnection] = []
    private var date = DateLine()
    private var whenEmpty: [CheckedContinuation<Void, Never>] = []
    private let connectionCount = Atomic<Int>(0)
    private let activeCount = Atomic<Int>(0)
    private let requestCount = Atomic<Int>(0)
    private let refusedCount = Atomic<Int>(0)

    /// Makes a server that does not listen yet. `handler` is called on the loop, for one request of a connection at a time.
    package init(
        loop: EventLoop, configuration: Configuration = Configuration(),
        handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
    ) {
        self.loop = loop
        self.configuration = configuration
        self.handler = handler
    }

    /// Begins to listen and returns the bound address. Throws `EventLoopError`.
    @discardableResult
    package func start() async throws -> SocketAddress {
        try await loop.run { [self] in
            precondition(listener == nil && !isDraining, "a server is started once")
            let listener = try TCPListener.listen(
                on: configuration.address, loop: loop, backlog: configuration.backlog
            ) { [weak self] connection in
                guard let self else { return connection.close() }
                accept(connection)
            }
            self.listener = listener
            return listener.localAddress
        }
    }

    /// Stops in order: no new connections; event streams are cancelled and ended properly; requests under way are answered,
    /// with `Connection: close`; idle connections close. What is left after `deadline` is cancelled and closed. Returns when
    /// all connections are closed and all handlers have returned, in any case a second after the deadline.
    package func drain(deadline: Duration) async {
        let listener = await drainState()
        await listener?.finishAccepting()
        let force = loop.schedule(after: deadline) { [self] in closeEverything() }
        let giveUp = loop.schedule(after: deadline + .seconds(1)) { [self] in resumeDrain() }
        await withCheckedContinuation { continuation in
            loop.execute { [self] in
                whenEmpty.append(continuation)
                for connection in connections.values { connection.beginDrain() }
                checkEmpty()
            }
        }
        force.cancel()
        giveUp.cancel()
    }

    /// Figures for metrics; from any thread.
    package var statistics: Statistics {
        Statistics(
            connections: connectionCount.load(ordering: .relaxed), active: activeCount.load(ordering: .relaxed),
            requests: requestCount.load(ordering: .relaxed), refused: refusedCount.load(ordering: .relaxed))
    }

    private func drainState() async -> TCPListener? {
        await withCheckedContinuation { continuation in
            loop.execute { [self] in
                isDraining = true
                continuation.resume(returning: listener)
                listener = nil
            }
        }
    }

    private func closeEverything() {
        for connection in connections.values { connection.breakOff() }
        for refused in lingering.values { refused.close() }
        checkEmpty()
    }

    private func resumeDrain() {
        let waiting = whenEmpty
        whenEmpty = []
        for continuation in waiting { continuation.resume() }
    }

    private func checkEmpty() {
        guard !whenEmpty.isEmpty, connections.isEmpty, lingering.isEmpty, activeCount.load(ordering: .relaxed) == 0
        else { return }
        resumeDrain()
    }
}

extension HTTPServer {
    private func accept(_ tcp: TCPConnection) {
        let host = tcp.peer.host
        let ofHost = connectionsByHost[host, default: 0]
        guard connections.count < configuration.maxConnections, ofHost < configuration.maxConnectionsPerAddress else {
            return turnAway(tcp)
        }
        let connection = HTTPConnection(server: self, tcp: tcp)
        connections[ObjectIdentifier(connection)] = connection
        connectionsByHost[host] = ofHost + 1
        connectionCount.add(1, ordering: .relaxed)
        connection.start()
        if isDraining { connection.beginDrain() }
    }

    private func turnAway(_ tcp: TCPConnection) {
        refusedCount.add(1, ordering: .relaxed)
        guard lingering.count < Self.maxLingering else { return tcp.abort() }
        let refused = RefusedConnection(tcp) { [weak self] refused in
            guard let self else { return }
            lingering[ObjectIdentifier(refused)] = nil
            checkEmpty()
        }
        lingering[ObjectIdentifier(refused)] = refused
        let response = configuration.refusal(HTTPRefusal(.tooManyConnections))
        var output: [UInt8] = []
        let content = response.content
        ResponseEncoder.writeHead(
            status: response.status, headers: response.headers,
            framing: .init(length: .bytes(content.count), closes: true, version: .http11), date: dateLine(), to: &output
        )
        tcp.write(output + content)
        tcp.closeAfterFlush(timeout: configuration.writeTimeout, linger: configuration.lingerTimeout)
    }

    func remove(_ connection: HTTPConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        connectionCount.subtract(1, ordering: .relaxed)
        let host = connection.tcp.peer.host
        let left = connectionsByHost[host, default: 1] - 1
        connectionsByHost[host] = left > 0 ? left : nil
        checkEmpty()
    }

    func handlerDidStart() {
        requestCount.add(1, ordering: .relaxed)
        activeCount.add(1, ordering: .relaxed)
    }

    func handlerDidEnd() {
        activeCount.subtract(1, ordering: .relaxed)
        checkEmpty()
    }

    func didRefuse() { refusedCount.add(1, ordering: .relaxed) }

    func dateLine() -> [UInt8] { date.current() }

    /// Flushes the connection at the end of the turn, so that what a turn answers goes out in one write.
    func flushLater(_ connection: HTTPConnection) {
        if unflushed.isEmpty {
            loop.atEndOfTick { [self] in
                var connections: [HTTPConnection] = []
                swap(&connections, &unflushed)
                for connection in connections { connection.flush() }
            }
        }
        unflushed.append(connection)
    }
}

/// A connection over the limit, on its way out.
// @unchecked Sendable: confined to the loop's thread.
private final class RefusedConnection: TCPConnectionDelegate, @unchecked Sendable {
    private let tcp: TCPConnection
    private let whenClosed: (RefusedConnection) -> Void

    init(_ tcp: TCPConnection, whenClosed: @escaping (RefusedConnection) -> Void) {
        self.tcp = tcp
        self.whenClosed = whenClosed
        tcp.delegate = self
    }

    func close() { tcp.close() }

    func connection(_ connection: TCPConnection, didReceive bytes: RawSpan) {}
    func connectionDidReachEOF(_ connection: TCPConnection) {}
    func connectionDidDrain(_ connection: TCPConnection) {}
    func connection(_ connection: TCPConnection, didCloseWith error: EventLoopError?) { whenClosed(self) }
}

extension HTTPResponse {
    /// The content of a response that is not a stream.
    var content: [UInt8] {
        switch body {
        case .bytes(let bytes): bytes
        case .stream: []
        }
    }

    var asksToClose: Bool {
        guard let value = headers["connection"] else { return false }
        return value.utf8.count == 5 && value.lowercased() == "close"
    }
}
