package import EventLoop

/// TLS laid over a connection that a client opened; confined to its loop.
///
/// First `handshake`, then as any other transport. Bytes wait encrypted, in the system's buffer, while reading is paused.
// @unchecked Sendable: confined to the loop; every entry is a call from the connection below, the user above, or a timer there.
package final class TLSConnection: Transport, @unchecked Sendable {
    private enum Stage {
        case handshake
        case open
        /// Our side has ended, or the connection below is gone.
        case over
    }

    /// The largest record's plain text (RFC 8446 section 5.1).
    private static let recordSize = 16 << 10
    /// How long an alert has to leave before a connection is dropped.
    private static let alertTimeout = Duration.seconds(1)

    /// Hears of data and of the end; released when the connection has closed.
    package var delegate: (any TransportDelegate)?
    private let below: any Transport
    private let loop: EventLoop
    private let session: TLSSession
    private var stage = Stage.handshake
    private var isReading = false
    private var isPumping = false
    private var hasReachedEOF = false
    private var whenSecured: (() -> Void)?
    private var timer: LoopTimer?
    private var plaintext: [UInt8] = []

    /// Lays TLS over a connection that does not read yet; nil when there is no memory for it.
    package init?(_ below: any Transport, context: TLSServerContext, loop: EventLoop) {
        guard let session = TLSSession(context.current) else { return nil }
        self.below = below
        self.loop = loop
        self.session = session
    }

    /// Waits for the client's part of the handshake, for as long as `timeout` in all. `completion` is called when it is
    /// done; the delegate is told of the end when it fails.
    package func handshake(timeout: Duration, completion: @escaping () -> Void) {
        whenSecured = completion
        below.delegate = self
        timer = loop.schedule(after: timeout) { [weak self] in self?.abort() }
        below.startReading()
    }

    /// The protocol chosen by ALPN; nil when the client did not ask for one.
    package var negotiated: String? { session.negotiated }

    /// The other side's address.
    package var peer: SocketAddress { below.peer }
    package var queuedBytes: Int { below.queuedBytes }

    package func startReading() {
        guard stage == .open, !isReading, !hasReachedEOF else { return }
        isReading = true
        below.startReading()
        // What was read already is handed on like what arrives: not from within this call.
        loop.execute { [self] in pump() }
    }

    package func pauseReading() {
        guard isReading else { return }
        isReading = false
        below.pauseReading()
    }

    package func resumeReading() { startReading() }

    package func write(_ bytes: [UInt8]) {
        guard stage == .open, !bytes.isEmpty else { return }
        guard session.write(bytes) == .done else { return abort() }
        flush()
    }

    package func closeAfterFlush(timeout: Duration, linger: Duration) {
        end()
        below.closeAfterFlush(timeout: timeout, linger: linger)
    }

    package func close() {
        end()
        below.close()
    }

    package func abort() {
        stage = .over
        isReading = false
        below.abort()
    }

    /// Says `close_notify`, so that the client knows that nothing was cut off.
    private func end() {
        if stage == .open {
            session.end()
            flush()
        }
        stage = .over
        isReading = false
    }

    private func flush() {
        let output = session.takeOutput()
        if !output.isEmpty { below.write(output) }
    }
}

extension TLSConnection: TransportDelegate {
    package func connection(_ connection: any Transport, didReceive bytes: RawSpan) {
        guard stage != .over else { return }
        guard session.feed(bytes) else { return abort() }
        if stage == .handshake { shakeHands() }
        pump()
    }

    private func shakeHands() {
        let outcome = session.handshake()
        flush()
        switch outcome {
        case .starved: break
        case .done:
            stage = .open
            timer?.cancel()
            timer = nil
            // Whoever takes over says when to go on.
            below.pauseReading()
            let completion = whenSecured
            whenSecured = nil
            completion?()
        case .ended, .failed: giveUp()
        }
    }

    /// The alert that says why has been written.
    private func giveUp() {
        stage = .over
        isReading = false
        below.closeAfterFlush(timeout: Self.alertTimeout, linger: Self.alertTimeout)
    }

    /// Decrypts and hands on as long as somebody reads.
    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        if plaintext.isEmpty { plaintext = [UInt8](repeating: 0, count: Self.recordSize) }
        loop: while stage == .open, isReading {
            let (outcome, count) = session.read(into: &plaintext)
            switch outcome {
            case .done: unsafe delegate?.connection(self, didReceive: plaintext.span.bytes.extracting(0..<count))
            case .starved: break loop
            case .ended: reachEOF()
            case .failed:
                flush()
                giveUp()
            }
        }
        if stage == .open { flush() }
        plaintext = []
    }

    private func reachEOF() {
        guard !hasReachedEOF else { return }
        hasReachedEOF = true
        isReading = false
        delegate?.connectionDidReachEOF(self)
    }

    /// A client that ends without `close_notify`: what it sent may be cut off, which the framing of HTTP shows.
    package func connectionDidReachEOF(_ connection: any Transport) {
        guard stage == .open else { return below.close() }
        pump()
        reachEOF()
    }

    package func connectionDidDrain(_ connection: any Transport) { delegate?.connectionDidDrain(self) }

    package func connection(_ connection: any Transport, didCloseWith error: EventLoopError?) {
        stage = .over
        isReading = false
        timer?.cancel()
        timer = nil
        whenSecured = nil
        let delegate = self.delegate
        self.delegate = nil
        delegate?.connection(self, didCloseWith: error)
    }
}
