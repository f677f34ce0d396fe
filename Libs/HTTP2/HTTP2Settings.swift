/// What one end of a connection allows the other.
package struct HTTP2Settings: Sendable, Hashable {
    /// Streams the peer may have open at once.
    package var maximumConcurrentStreams: UInt32 = 1000
    /// Bytes of one stream that may be under way unread.
    package var streamWindow: UInt32 = 256 * 1024
    /// Bytes of all streams that may be under way unread.
    package var connectionWindow: Int32 = 4 * 1024 * 1024
    /// Bytes of a header block, each field counted with 32 more (RFC 9113, section 6.5.2).
    package var maximumHeaderListBytes: Int = 16 * 1024
    /// Streams the peer may reset in one go, and how many more each second after that; a peer over it is sent away.
    package var resetBurst: UInt64 = 2000
    package var resetsPerSecond: UInt64 = 200
    /// Frames without use of their own (PING, SETTINGS, PRIORITY, empty DATA, resets) that the peer may send in one go, and
    /// how many more each second after that; a peer over it is sent away.
    package var controlBurst = 5000
    package var controlPerSecond = 500

    /// The values above.
    package init() {}
}
