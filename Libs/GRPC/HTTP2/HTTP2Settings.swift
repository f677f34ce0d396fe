/// What one end of a connection allows the other.
struct HTTP2Settings: Sendable, Hashable {
    /// Streams the peer may have open at once.
    var maximumConcurrentStreams: UInt32 = 1000
    /// Bytes of one stream that may be under way unread.
    var streamWindow: UInt32 = 256 * 1024
    /// Bytes of all streams that may be under way unread.
    var connectionWindow: Int32 = 4 * 1024 * 1024
    /// Bytes of a header block, each field counted with 32 more (RFC 9113, section 6.5.2).
    var maximumHeaderListBytes: Int = 16 * 1024
    /// Streams the peer may reset in one go, and how many more each second after that; a peer over it is sent away.
    var resetBurst: UInt64 = 2000
    var resetsPerSecond: UInt64 = 200
}
