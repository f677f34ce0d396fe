package import EventLoop
internal import Synchronization
internal import TLS

/// An HTTP server on an event loop: HTTP/1.1 and HTTP/2, with TLS or without.
///
/// Each request runs `handler` in a task of its own that starts at once on the loop; a handler that does not suspend costs
/// no change of thread. Pipelined requests are handled one after another, answered in order; those of HTTP/2 side by side.
/// When the client goes away the task is cancelled.
// @unchecked Sendable: the counters are atomic; everything else that changes is confined to the loop's thread.
package final class HTTPServer: @unchecked Sendable {
    /// Refused connections that may linger at a time, beside those that are served.
    private static let maxLingering = 256

    let loop: EventLoop
    let configuration: Configuration
    let handler: @Sendable (HTTPRequest) async -> HTTPResponse
    /// From the notice on: responses end their connections.
    private(set) var isLeaving = false
    /// After the notice: no new connections, event streams end.
    private(set) var isDraining = false
    private var listener: TCPListener?
    private var connections: [ObjectIdentifier: any ServedConnection] = [:]
    private var handshakes = 0
    private var heldBodies = 0
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
    ///
    /// - Parameter isOpen: false to leave connections in the system's queue until `open()`.
    @discardableResult
    package func start(isOpen: Bool = true) async throws -> SocketAddress {
        try await loop.run { [self] in
            precondition(listener == nil && !isLeaving, "a server is started once")
            let listener = try TCPListener.listen(
                on: configuration.address, loop: loop, backlog: configuration.backlog,
                inherited: configuration.inherited, isPaused: !isOpen
            ) { [weak self] connection in
                guard let self else { return connection.close() }
                accept(connection)
            }
            self.listener = listener
            return listener.localAddress
        }
    }

    /// Takes connections from now on. From anywhere.
    package func open() { loop.execute { [self] in listener?.resume() } }

    /// Stops in order. During `notice` connections are still taken and everything is answered, but with `Connection: close`,
    /// over HTTP/2 with GOAWAY: clients and load balancers leave by themselves. Then no new connections; event streams are
    /// cancelled and ended properly; requests under way are answered; idle connections close. What is left after `deadline`,
    /// the notice included (at most half of it), is cancelled and closed. Returns when all connections are closed and all handlers have returned,
    /// in any case a second after the deadline. Where the task is cancelled the notice ends.
    package func drain(notice: Duration = .zero, deadline: Duration) async {
        let notice = min(notice, deadline / 2)
        loop.execute { [self] in beginLeaving() }
        if notice > .zero {
            do {
                try await loop.sleep(for: notice)
            } catch {
                // Who is cancelled has no time for a notice.
            }
        }
        let listener = await drainState()
        await listener?.finishAccepting()
        let force = loop.schedule(after: deadline - notice) { [self] in closeEverything() }
        let giveUp = loop.schedule(after: deadline - notice + .seconds(1)) { [self] in resumeDrain() }
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

    private func beginLeaving() {
        isLeaving = true
        listener?.resume()
        for connection in connections.values { connection.beginLeaving() }
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
        let host = tcp.peer.host.network
        let ofHost = connectionsByHost[host, default: 0]
        guard connections.count < configuration.maxConnections,
            ofHost < configuration.maxConnectionsPerAddress || configuration.isShared(tcp.peer.host)
        else { return turnAway(tcp) }
        connectionsByHost[host] = ofHost + 1
        connectionCount.add(1, ordering: .relaxed)
        guard let tls = configuration.tls else {
            return serve(HTTPConnection(server: self, transport: tcp, mayBeHTTP2: true), over: tcp)
        }
        guard handshakes < configuration.maxHandshakes, let secured = TLSConnection(tcp, context: tls, loop: loop)
        else {
            refusedCount.add(1, ordering: .relaxed)
            release(host)
            return tcp.abort()
        }
        handshakes += 1
        let handshake = Handshake(secured, timeout: configuration.handshakeTimeout)
        connections[ObjectIdentifier(secured)] = handshake
        handshake.start { [weak self] outcome in self?.handshakeEnded(secured, outcome) }
    }

    private func handshakeEnded(_ transport: TLSConnection, _ outcome: Handshake.Outcome) {
        handshakes -= 1
        switch outcome {
        case .secured(let isHTTP2):
            if isHTTP2 { return changeToHTTP2(transport, first: []) }
            serve(HTTPConnection(server: self, transport: transport, mayBeHTTP2: false), over: transport)
        case .failed:
            refusedCount.add(1, ordering: .relaxed)
            remove(transport)
        }
    }

    private func serve(_ connection: HTTPConnection, over transport: any Transport) {
        connections[ObjectIdentifier(transport)] = connection
        connection.start()
        if isLeaving { connection.beginLeaving() }
        if isDraining { connection.beginDrain() }
    }

    /// Goes on with HTTP/2 on a connection whose first bytes say so.
    func changeToHTTP2(_ transport: any Transport, first: [UInt8]) {
        do {
            let connection = try HTTP2ServerConnection(server: self, transport: transport)
            connections[ObjectIdentifier(transport)] = connection
            connection.start(with: first)
            if isLeaving { connection.beginLeaving() }
            if isDraining { connection.beginDrain() }
        } catch {
            // No memory for a session: the client finds out by the end of its connection.
            refusedCount.add(1, ordering: .relaxed)
            transport.abort()
        }
    }

    private func turnAway(_ tcp: TCPConnection) {
        refusedCount.add(1, ordering: .relaxed)
        // What is not secured yet can be told nothing.
        guard lingering.count < Self.maxLingering, configuration.tls == nil else { return tcp.abort() }
        let refused = RefusedConnection(tcp) { [weak self] refused in
            guard let self else { return }
            lingering[ObjectIdentifier(refused)] = nil
            checkEmpty()
        }
        lingering[ObjectIdentifier(refused)] = refused
        let response = configuration.refusal(HTTPRefusal(.tooManyConnections), nil, tcp.peer)
        var output: [UInt8] = []
        let content = response.content
        ResponseEncoder.writeHead(
            status: response.status, headers: response.headers,
            framing: .init(length: .bytes(content.count), closes: true, version: .http11), date: dateLine(), to: &output
        )
        tcp.write(output + content)
        response.whenDone?(
            HTTPOutcome(version: nil, receivedBytes: 0, sentBytes: content.count, duration: .zero, isComplete: true))
        tcp.closeAfterFlush(timeout: configuration.writeTimeout, linger: configuration.lingerTimeout)
    }

    func remove(_ transport: any Transport) {
        guard connections.removeValue(forKey: ObjectIdentifier(transport)) != nil else { return }
        release(transport.peer.host.network)
        checkEmpty()
    }

    private func release(_ host: SocketAddress.Host) {
        connectionCount.subtract(1, ordering: .relaxed)
        let left = connectionsByHost[host, default: 1] - 1
        connectionsByHost[host] = left > 0 ? left : nil
    }

    func handlerDidStart() {
        requestCount.add(1, ordering: .relaxed)
        activeCount.add(1, ordering: .relaxed)
    }

    func handlerDidEnd() {
        activeCount.subtract(1, ordering: .relaxed)
        checkEmpty()
    }

    /// Takes note of content that a request holds; false when it is more than all may.
    func hold(_ bytes: Int) -> Bool {
        heldBodies += bytes
        return heldBodies <= configuration.maxHeldBodies
    }

    /// That much content is not held any more.
    func letGo(_ bytes: Int) { heldBodies -= bytes }

    func didRefuse() { refusedCount.add(1, ordering: .relaxed) }

    func dateLine() -> [UInt8] { date.current() }

    func dateText() -> String { date.currentText() }

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
