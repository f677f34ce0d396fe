internal import EventLoop
internal import HTTP2

/// A client's connection that speaks HTTP/2, with its requests.
// @unchecked Sendable: confined to the loop; every entry is a call from our own classes there.
final class HTTP2ServerConnection: ServedConnection, @unchecked Sendable {
    let server: HTTPServer
    let transport: any Transport
    private var session: HTTP2Connection?
    private var exchanges: [ObjectIdentifier: HTTP2Exchange] = [:]
    private var ready: [HTTP2Exchange] = []
    private var isStarting = false
    private var running = 0
    private var idleTimer: LoopTimer?

    init(server: HTTPServer, transport: any Transport) throws(HTTP2Session.Fatal) {
        self.server = server
        self.transport = transport
        session = try HTTP2Connection(
            socket: transport, role: .server, configuration: Self.settings(for: server.configuration),
            loop: server.loop, owner: self)
        idleTimer = server.loop.makeTimer { [weak self] in self?.idleTooLong() }
    }

    private static func settings(for server: HTTPServer.Configuration) -> HTTP2ConnectionConfiguration {
        var configuration = HTTP2ConnectionConfiguration()
        configuration.handshakeTimeout = server.headTimeout
        configuration.writeTimeout = server.writeTimeout
        configuration.settings.maximumConcurrentStreams = UInt32(clamping: server.maxStreams)
        // A path that is too long is to be told from fields that are: both must fit.
        configuration.settings.maximumHeaderListBytes = server.limits.headers + server.limits.requestLine
        configuration.settings.connectionWindow = 1 << 20
        configuration.settings.resetBurst = UInt64(clamping: server.controlFrameBurst)
        configuration.settings.resetsPerSecond = UInt64(clamping: server.controlFramesPerSecond)
        configuration.settings.controlBurst = server.controlFrameBurst
        configuration.settings.controlPerSecond = server.controlFramesPerSecond
        return configuration
    }

    /// Begins with the bytes that were read while it was not known to be HTTP/2.
    func start(with bytes: [UInt8]) {
        idleTimer?.schedule(after: server.configuration.headTimeout)
        session?.start()
        if !bytes.isEmpty { unsafe session?.receive(bytes.span.bytes) }
    }

    // MARK: For the exchanges

    /// Submits frames; nil when the connection is closing.
    func submit<Result>(_ body: (HTTP2Session) -> Result) -> Result? { session?.submit(body) }

    /// A request is complete; its handler starts once the bytes at hand were all taken.
    func isReady(_ exchange: HTTP2Exchange) { ready.append(exchange) }

    /// Starts the handlers of complete requests, in their order. Handlers of requests that were reset count until they have
    /// returned, so that a client gains nothing by resetting; the requests after them wait.
    private func startReady() {
        guard !isStarting, !ready.isEmpty else { return }
        isStarting = true
        var started = 0
        while started < ready.count, running < server.configuration.maxStreams {
            let exchange = ready[started]
            started += 1
            if exchange.isWaiting {
                running += 1
                exchange.start()
            }
        }
        ready.removeFirst(started)
        isStarting = false
        if ready.count > 2 * server.configuration.maxStreams { ready.removeAll { !$0.isWaiting } }
    }

    func handlerEnded() {
        running -= 1
        startReady()
    }

    func closed(_ exchange: HTTP2Exchange) {
        exchanges[ObjectIdentifier(exchange)] = nil
        if exchanges.isEmpty { idleTimer?.schedule(after: idleTime) }
    }

    /// Ends the connection, for a client that does not even finish its header block.
    func giveUp() { session?.close(.enhanceYourCalm) }

    // MARK: The end

    private var idleTime: Duration {
        server.isDraining ? server.configuration.drainIdleGrace : server.configuration.idleTimeout
    }

    private func idleTooLong() {
        if exchanges.isEmpty { session?.goAway() }
    }

    /// Tells the client to open no more streams; those under way, and those that it opens before it knows, are answered.
    func beginLeaving() { session?.goAway() }

    func beginDrain() {
        for exchange in exchanges.values { exchange.beginDrain() }
    }

    func breakOff() {
        for exchange in exchanges.values { exchange.cancelHandler() }
        transport.close()
    }
}

extension HTTP2ServerConnection: HTTP2ConnectionOwner {
    func connection(_ connection: HTTP2Connection, opened stream: HTTP2Stream) {
        idleTimer?.stop()
        let exchange = HTTP2Exchange(stream: stream, connection: self)
        stream.handler = exchange
        exchanges[ObjectIdentifier(exchange)] = exchange
    }

    func connectionDidRead(_ connection: HTTP2Connection) { startReady() }

    func connectionClosed(_ connection: HTTP2Connection) {
        ready = []
        idleTimer?.cancel()
        session = nil
        server.remove(transport)
    }

    func connectionClosedStream(_ connection: HTTP2Connection) {}

    /// Settings of a client bind the session, nobody else.
    func connectionReceivedSettings(_ connection: HTTP2Connection) {}

    /// A client that says GOAWAY closes once its requests are answered.
    func connection(_ connection: HTTP2Connection, receivedGoAway error: HTTP2ErrorCode, reason: String) {}
}
