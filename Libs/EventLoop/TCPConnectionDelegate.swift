/// Hears what happens on a connection. Every method is called on the loop's thread.
package protocol TCPConnectionDelegate: AnyObject {
    /// Bytes have arrived. They are valid within the call only.
    func connection(_ connection: TCPConnection, didReceive bytes: RawSpan)

    /// The peer has finished sending; the connection may still be written to. Called once.
    func connectionDidReachEOF(_ connection: TCPConnection)

    /// `queuedBytes` has shrunk and is below `TCPConnection.lowMark`. May be called more often than strictly needed.
    func connectionDidDrain(_ connection: TCPConnection)

    /// The connection is closed, by us when `error` is nil. Called once, last, never from within a call to the connection.
    func connection(_ connection: TCPConnection, didCloseWith error: EventLoopError?)
}
