internal import EventLoop

/// What a connection tells the server or the client that uses it; on the loop.
protocol HTTP2ConnectionOwner: AnyObject {
    /// The peer opened a stream: the receiver sets its handler.
    func connection(_ connection: HTTP2Connection, opened stream: HTTP2Stream)
    /// The peer sent SETTINGS; the first time, it speaks HTTP/2 indeed.
    func connectionReceivedSettings(_ connection: HTTP2Connection)
    /// The peer will not serve streams of ours above those it knows.
    func connection(_ connection: HTTP2Connection, receivedGoAway error: HTTP2ErrorCode, reason: String)
    /// A stream is gone, which makes room for another.
    func connectionClosedStream(_ connection: HTTP2Connection)
    /// Everything that arrived was handled. Here, unlike in a stream handler, code of others may be run.
    func connectionDidRead(_ connection: HTTP2Connection)
    /// The connection is gone; each stream was told before.
    func connectionClosed(_ connection: HTTP2Connection)
}

/// How a connection treats its peer.
struct HTTP2ConnectionConfiguration: Sendable {
    var settings = HTTP2Settings()
    /// Silence after which the peer is asked whether it is there.
    var keepAliveInterval = Duration.seconds(30)
    /// How long it has for the answer.
    var keepAliveTimeout = Duration.seconds(10)
    /// How long a peer has for its first SETTINGS.
    var handshakeTimeout = Duration.seconds(10)
}

/// An HTTP/2 session on a TCP connection: moves bytes, batches writes by turn of the loop, asks silent peers for life.
// @unchecked Sendable: confined to the loop; every entry is a call from the loop's connection, timers or our own classes there.
final class HTTP2Connection: @unchecked Sendable {
    /// Bytes handed to the socket in one write.
    private static let writeBytes = 64 * 1024
    /// Bytes waiting for the socket above which no more frames are made.
    private static let highMark = 256 * 1024
    /// How long the last frames have to leave.
    private static let closeTimeout = Duration.seconds(5)
    /// The payload of the ping that measures whether a GOAWAY has arrived.
    private static let goAwayPing: UInt64 = 0x676F_6177_6179_2121
    private static let goAwayTimeout = Duration.seconds(1)

    let loop: EventLoop
    private let socket: TCPConnection
    private let configuration: HTTP2ConnectionConfiguration
    private var session: HTTP2Session?
    private weak var owner: (any HTTP2ConnectionOwner)?
    private var keepAlive: KeepAlive
    private var keepAliveTimer: LoopTimer?
    private var handshakeTimer: LoopTimer?
    private var goAwayTimer: LoopTimer?
    private var output: [UInt8] = []
    private var isFlushScheduled = false
    private var isAnnouncingGoAway = false
    private var isClosing = false
    /// True once the owner was told that the connection is gone.
    private(set) var isClosed = false

    /// The peer's address.
    var peer: SocketAddress { socket.peer }

    init(
        socket: TCPConnection, role: HTTP2Session.Role, configuration: HTTP2ConnectionConfiguration, loop: EventLoop,
        owner: any HTTP2ConnectionOwner
    ) throws(HTTP2Session.Fatal) {
        self.loop = loop
        self.socket = socket
        self.configuration = configuration
        self.owner = owner
        keepAlive = KeepAlive(
            interval: configuration.keepAliveInterval, timeout: configuration.keepAliveTimeout, now: loop.now)
        session = try HTTP2Session(role: role, settings: configuration.settings, delegate: self)
    }

    /// Begins to read and sends the first frames.
    func start() {
        socket.delegate = self
        handshakeTimer = loop.schedule(after: configuration.handshakeTimeout) { [weak self] in
            self?.close(.protocolError)
        }
        armKeepAlive(after: configuration.keepAliveInterval)
        socket.startReading()
        flushSoon()
    }

    // MARK: Streams

    /// Runs a function that submits frames, and sends them at the end of this turn of the loop.
    func submit<Result>(_ body: (HTTP2Session) -> Result) -> Result? {
        guard let session, !isClosing else { return nil }
        defer { flushSoon() }
        return body(session)
    }

    /// True when one more stream of ours may be opened.
    var hasRoom: Bool { !isClosing && session?.hasRoom == true }

    // MARK: The end

    /// Tells the peer to open no more streams; the connection closes once those under way are done.
    ///
    /// First a GOAWAY that names no last stream, then, when a ping tells that the peer has read it, the final one:
    /// a request sent in between is still served (RFC 9113, section 6.8).
    func goAway() {
        guard !isAnnouncingGoAway, !isClosing else { return }
        isAnnouncingGoAway = true
        _ = submit { session in
            session.announceGoAway()
            session.ping(Self.goAwayPing)
        }
        goAwayTimer = loop.schedule(after: Self.goAwayTimeout) { [weak self] in self?.finishGoAway() }
    }

    private func finishGoAway() {
        guard isAnnouncingGoAway else { return }
        isAnnouncingGoAway = false
        goAwayTimer?.cancel()
        _ = submit { $0.goAway(.noError) }
    }

    /// Sends GOAWAY with that error and closes; open streams are lost.
    func close(_ error: HTTP2ErrorCode) {
        guard !isClosing else { return }
        isAnnouncingGoAway = false
        _ = submit { $0.terminate(error) }
        flush()
        closeAfterFlush()
    }

    private func closeAfterFlush() {
        guard !isClosing else { return }
        isClosing = true
        session?.abandonStreams()
        socket.closeAfterFlush(timeout: Self.closeTimeout)
    }

    /// Drops the connection without a word.
    private func abort() {
        isClosing = true
        session?.abandonStreams()
        socket.close()
    }

    // MARK: Bytes out

    private func flushSoon() {
        guard !isFlushScheduled, !isClosing else { return }
        isFlushScheduled = true
        loop.atEndOfTick { [self] in
            isFlushScheduled = false
            flush()
        }
    }

    private func flush() {
        guard let session, !isClosing else { return }
        do {
            while !isClosing, socket.queuedBytes < Self.highMark {
                output.removeAll(keepingCapacity: true)
                try session.takeOutput(into: &output, upTo: Self.writeBytes)
                if output.isEmpty { break }
                socket.write(output)
            }
        } catch {
            return abort()
        }
        if !isAnnouncingGoAway, session.isFinished { closeAfterFlush() }
    }

    // MARK: Life

    private func armKeepAlive(after delay: Duration) {
        if keepAliveTimer == nil {
            keepAliveTimer = loop.makeTimer { [weak self] in self?.checkLife() }
        }
        keepAliveTimer?.schedule(after: delay)
    }

    private func checkLife() {
        switch keepAlive.timerFired(at: loop.now) {
        case .wait(let delay): armKeepAlive(after: delay)
        case .ping(let delay):
            _ = submit { $0.ping(0) }
            armKeepAlive(after: delay)
        case .giveUp: abort()
        }
    }
}

extension HTTP2Connection: TCPConnectionDelegate {
    func connection(_ connection: TCPConnection, didReceive bytes: RawSpan) {
        guard let session, !isClosing else { return }
        keepAlive.received(at: loop.now)
        do {
            try session.receive(bytes)
        } catch {
            return abort()
        }
        owner?.connectionDidRead(self)
        flushSoon()
    }

    func connectionDidReachEOF(_ connection: TCPConnection) {
        guard !isClosing else { return }
        // HTTP/2 has no half-closed connection: a peer that will not send can neither acknowledge nor give credit.
        abort()
    }

    func connectionDidDrain(_ connection: TCPConnection) { flush() }

    func connection(_ connection: TCPConnection, didCloseWith error: EventLoopError?) {
        guard !isClosed else { return }
        isClosed = true
        isClosing = true
        for timer in [keepAliveTimer, handshakeTimer, goAwayTimer] { timer?.cancel() }
        session?.abandonStreams()
        owner?.connectionClosed(self)
    }
}

extension HTTP2Connection: HTTP2SessionDelegate {
    func session(_ session: HTTP2Session, opened stream: HTTP2Stream) { owner?.connection(self, opened: stream) }

    func sessionReceivedSettings(_ session: HTTP2Session) {
        handshakeTimer?.cancel()
        owner?.connectionReceivedSettings(self)
    }

    func session(
        _ session: HTTP2Session, receivedGoAway lastStream: Int32, _ error: HTTP2ErrorCode, reason: String
    ) {
        owner?.connection(self, receivedGoAway: error, reason: reason)
    }

    func sessionClosedStream(_ session: HTTP2Session) { owner?.connectionClosedStream(self) }

    func session(_ session: HTTP2Session, receivedPingAcknowledgement payload: UInt64) {
        if payload == Self.goAwayPing { finishGoAway() }
    }
}
