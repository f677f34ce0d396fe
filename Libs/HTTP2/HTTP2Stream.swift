/// A complete header block.
package struct HeaderBlock {
    /// The fields in their order, pseudo fields first.
    package var fields: [HeaderField] = []
    /// True when fields were left out because the block passed the limit.
    package var isOversized = false
    /// True when the stream's other half ends with the block.
    package var isEndOfStream = false

    /// A block of these fields.
    package init(fields: [HeaderField] = [], isOversized: Bool = false, isEndOfStream: Bool = false) {
        self.fields = fields
        self.isOversized = isOversized
        self.isEndOfStream = isEndOfStream
    }
}

/// What is told of a stream, on the loop, from within the HTTP/2 library: implementations may submit frames, and
/// must not run code of others.
package protocol HTTP2StreamHandler: AnyObject {
    /// A header block is complete: the request or response, or trailers.
    func streamReceived(_ block: HeaderBlock)
    /// Bytes of DATA; the receiver gives flow-control credit back by `HTTP2Session.consume`.
    func streamReceived(_ bytes: RawSpan)
    /// A DATA frame ended the other half of the stream.
    func streamReceivedEnd()
    /// Fewer bytes than `HTTP2Stream.lowMark` wait to be sent.
    func streamDrained()
    /// The stream is gone. `wasSent` is false when its HEADERS never left this process.
    func streamClosed(_ error: HTTP2ErrorCode, wasSent: Bool)
    /// The stream is gone with its connection.
    func streamLost(wasSent: Bool)
}

/// One stream of a session; confined to the session's loop.
package final class HTTP2Stream {
    /// Bytes waiting to be sent above which a producer is held.
    package static let highMark = 64 * 1024
    /// Bytes waiting to be sent under which it goes on.
    package static let lowMark = 16 * 1024

    /// The identifier, unique in its connection.
    package let id: Int32
    /// Told of what happens; a stream whose call is over has none.
    package var handler: (any HTTP2StreamHandler)?
    /// The header block that is arriving.
    var block = HeaderBlock()
    var blockBytes = 0
    /// True once a field of the block broke the protocol.
    var isMalformed = false
    /// What is yet to be sent.
    package var body = OutboundBody()
    /// True when the library stopped asking for bytes and must be told of new ones.
    var isStarved = false
    /// True once HEADERS of ours were handed to the connection.
    package var wasSent = false

    /// True when the peer is to stop sending as soon as our half has ended.
    package var stopsPeerWhenEnded = false

    init(id: Int32) { self.id = id }
}
