/// A connection that carries bytes in order, both ways: TCP itself, or what is laid over it. Confined to its loop.
///
/// It keeps itself and its delegate alive until it is closed.
package protocol Transport: AnyObject, Sendable {
    /// Hears of data and of the end; released when the connection has closed.
    var delegate: (any TransportDelegate)? { get set }
    /// The other side's address.
    var peer: SocketAddress { get }
    /// Bytes accepted by `write` that the system has not taken yet.
    var queuedBytes: Int { get }
    /// Begins to deliver what arrives. Idempotent.
    func startReading()
    /// Lets what arrives wait, which slows the peer down. The end of the stream is not seen either.
    func pauseReading()
    /// The opposite of `pauseReading`.
    func resumeReading()
    /// Sends `bytes` after everything sent before. Dropped when the connection is closing.
    func write(_ bytes: [UInt8])
    /// Writes out what is queued, within `timeout`, ends our side, then waits for the peer's end for `linger` while
    /// throwing away what still arrives.
    func closeAfterFlush(timeout: Duration, linger: Duration)
    /// Closes at once; what is queued is dropped. Idempotent.
    func close()
    /// Breaks off, so that the peer cannot take what it has for the whole. Idempotent.
    func abort()
}

extension Transport {
    /// As `closeAfterFlush(timeout:linger:)`, with two seconds for the peer to close.
    package func closeAfterFlush(timeout: Duration) { closeAfterFlush(timeout: timeout, linger: .seconds(2)) }
}

/// Hears what happens on a connection. Every method is called on the loop's thread.
package protocol TransportDelegate: AnyObject {
    /// Bytes have arrived. They are valid within the call only.
    func connection(_ connection: any Transport, didReceive bytes: RawSpan)

    /// The peer has finished sending; the connection may still be written to. Called once.
    func connectionDidReachEOF(_ connection: any Transport)

    /// `queuedBytes` has shrunk and is below `TCPConnection.lowMark`. May be called more often than strictly needed.
    func connectionDidDrain(_ connection: any Transport)

    /// The connection is closed, by us when `error` is nil. Called once, last, never from within a call to the connection.
    func connection(_ connection: any Transport, didCloseWith error: EventLoopError?)
}
