internal import EventLoop
internal import TLS

/// A connection of a client, in whatever protocol, as the server keeps it.
protocol ServedConnection: AnyObject {
    /// The server will stop: the client is told with what it is answered.
    func beginLeaving()
    /// The server drains: nothing new is begun, what is under way is answered.
    func beginDrain()
    /// Cancels and closes at once.
    func breakOff()
}

/// A connection that is being secured.
// @unchecked Sendable: confined to the loop's thread.
final class Handshake: ServedConnection, TransportDelegate, @unchecked Sendable {
    /// How it went.
    enum Outcome {
        case secured(isHTTP2: Bool)
        case failed
    }

    private let transport: TLSConnection
    private let timeout: Duration
    private var completion: ((Outcome) -> Void)?

    init(_ transport: TLSConnection, timeout: Duration) {
        self.transport = transport
        self.timeout = timeout
    }

    /// Begins; `completion` is called once.
    func start(_ completion: @escaping (Outcome) -> Void) {
        self.completion = completion
        transport.delegate = self
        transport.handshake(timeout: timeout) { [weak self] in
            guard let self else { return }
            finish(.secured(isHTTP2: transport.negotiated == "h2"))
        }
    }

    private func finish(_ outcome: Outcome) {
        let completion = self.completion
        self.completion = nil
        completion?(outcome)
    }

    func beginLeaving() {}

    /// Its first request is still to be answered: the drain takes it up when it is secured.
    func beginDrain() {}

    func breakOff() { transport.close() }

    func connection(_ connection: any Transport, didReceive bytes: RawSpan) {}
    func connectionDidReachEOF(_ connection: any Transport) {}
    func connectionDidDrain(_ connection: any Transport) {}
    func connection(_ connection: any Transport, didCloseWith error: EventLoopError?) { finish(.failed) }
}

/// A connection over the limit, on its way out.
// @unchecked Sendable: confined to the loop's thread.
final class RefusedConnection: TransportDelegate, @unchecked Sendable {
    private let tcp: TCPConnection
    private let whenClosed: (RefusedConnection) -> Void

    init(_ tcp: TCPConnection, whenClosed: @escaping (RefusedConnection) -> Void) {
        self.tcp = tcp
        self.whenClosed = whenClosed
        tcp.delegate = self
    }

    func close() { tcp.close() }

    func connection(_ connection: any Transport, didReceive bytes: RawSpan) {}
    func connectionDidReachEOF(_ connection: any Transport) {}
    func connectionDidDrain(_ connection: any Transport) {}
    func connection(_ connection: any Transport, didCloseWith error: EventLoopError?) { whenClosed(self) }
}
