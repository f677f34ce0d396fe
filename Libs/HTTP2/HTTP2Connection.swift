package import EventLoop

/// What a connection tells the server or the client that uses it; on the loop.
package protocol HTTP2ConnectionOwner: AnyObject {
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
package struct HTTP2ConnectionConfiguration: Sendable {
    /// What the session allows.
    package var settings = HTTP2Settings()
    /// Silence after which the peer is asked whether it is there.
    package var keepAliveInterval = Duration.seconds(30)
    /// How long it has for the answer.
    package var keepAliveTimeout = Duration.seconds(10)
    /// How long a peer has for its first SETTINGS.
    package var handshakeTimeout = Duration.seconds(10)
    /// How long a peer may take nothing of what waits for it.
    package var writeTimeout = Duration.seconds(30)

    /// The values above.
    package init() {}
}

/// An HTTP/2 session on a TCP connection: moves bytes, batches writes by turn of the loop, asks silent peers for life.
// @unchecked Sendable: confined to the loop; every entry is a call from the loop's connection, timers or our own classes there.
package final class HTTP2Connection: @unchecked Sendable {
    /// Bytes handed to the socket in one write.
    private static let writeBytes = 64 * 1024
    /// Bytes waiting for the socket above which no more frames are made.
    private static let highMark = 256 * 1024
    /// How long the last frames have to leave.
    private static let closeTimeout = Duration.seconds(5)
    /// The payload of the ping that measures whether a GOAWAY has arrived.
    private static let goAwayPing: UInt64 = 0x676F_6177_6179_2121
    private static let goAwayTimeout = Duration.seconds(1)

    /// The loop that the connection is confined to.
    package let loop: EventLoop
    private let socket: any Transport
    private let configuration: HTTP2ConnectionConfiguration
    private var session: HTTP2Session?
    private weak var owner: (any HTTP2ConnectionOwner)?
    private var keepAlive: KeepAlive
    private var keepAliveTimer: LoopTimer?
    private var handshakeTimer: LoopTimer?
    private var goAwayTimer: LoopTimer?
    private var stallTimer: LoopTimer?
    private var controlFrames: FrameAllowance
    private var isAbused = false
    private var output: [UInt8] = []
    private var isFlushScheduled = false
    private var isAnnouncingGoAway = false
    private var isClosing = false
    /// True once the owner was told that the connection is gone.
    package private(set) var isClosed = false

    /// The peer's address.
    package var peer: SocketAddress { socket.peer }

    /// Lays HTTP/2 over a connection that does not read yet.
    package init(
        socket: any Transport, role: HTTP2Session.Role, configuration: HTTP2ConnectionConfiguration, loop: EventLoop,
        owner: any HTTP2ConnectionOwner
    ) throws(HTTP2Session.Fatal) {
        self.loop = loop
        self.socket = socket
        self.configuration = configuration
        self.owner = owner
        keepAlive = KeepAlive(
            interval: configuration.keepAliveInterval, timeout: configuration.keepAliveTimeout, now: loop.now)
        controlFrames = FrameAllowance(
            burst: configuration.settings.controlBurst, perSecond: configuration.settings.controlPerSecond,
            now: loop.now
        )
        session = try HTTP2Session(role: role, settings: configuration.settings, delegate: self)
    }

    /// Begins to read and sends the first frames.
    package func start() {
        socket.delegate = self
        handshakeTimer = loop.schedule(after: configuration.handshakeTimeout) { [weak self] in
            self?.close(.protocolError)
        }
        armKeepAlive(after: configuration.keepAliveInterval)
        socket.startReading()
        flushSoon()
    }

    /// Takes bytes that were read before the connection was laid over its socket.
    package func receive(_ bytes: RawSpan) { connection(socket, didReceive: bytes) }

    // MARK: Streams

    /// Runs a function that submits frames, and sends them at the end of this turn of the loop.
    package func submit<Result>(_ body: (HTTP2Session) -> Result) -> Result? {
        guard let session, !isClosing else { return nil }
        defer { flushSoon() }
        return body(session)
    }

    /// True when one more stream of ours may be opened.
    package var hasRoom: Bool { !isClosing && session?.hasRoom == true }

    // MARK: The end

    /// Tells the peer to open no more streams; the connection closes once those under way are done.
    ///
    /// First a GOAWAY that names no last stream, then, when a ping tells that the peer has read it, the final one:
    /// a request sent in between is still served (RFC 9113, section 6.8).
    package func goAway() {
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
    package func close(_ error: HTTP2ErrorCode) {
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
        watchForStall()
        if !isAnnouncingGoAway, session.isFinished { closeAfterFlush() }
    }

    /// A peer that reads nothing for too long is dropped: it holds memory, and cannot even be told.
    private func watchForStall() {
        guard socket.queuedBytes > 0 else {
            stallTimer?.cancel()
            stallTimer = nil
            return
        }
        guard stallTimer == nil else { return }
        let left = socket.queuedBytes
        stallTimer = loop.schedule(after: configuration.writeTimeout) { [weak self] in
            guard let self, !isClosing else { return }
            stallTimer = nil
            if socket.queuedBytes >= left { abort() } else { watchForStall() }
        }
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

extension HTTP2Connection: TransportDelegate {
    package func connection(_ connection: any Transport, didReceive bytes: RawSpan) {
        guard let session, !isClosing else { return }
        keepAlive.received(at: loop.now)
        do {
            try session.receive(bytes)
        } catch {
            return abort()
        }
        if isAbused { return close(.enhanceYourCalm) }
        owner?.connectionDidRead(self)
        flushSoon()
    }

    package func connectionDidReachEOF(_ connection: any Transport) {
        guard !isClosing else { return }
        // HTTP/2 has no half-closed connection: a peer that will not send can neither acknowledge nor give credit.
        abort()
    }

    package func connectionDidDrain(_ connection: any Transport) { flush() }

    package func connection(_ connection: any Transport, didCloseWith error: EventLoopError?) {
        guard !isClosed else { return }
        isClosed = true
        isClosing = true
        for timer in [keepAliveTimer, handshakeTimer, goAwayTimer, stallTimer] { timer?.cancel() }
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

    func sessionReceivedControlFrame(_ session: HTTP2Session) {
        if !controlFrames.take(at: loop.now) { isAbused = true }
    }
}
