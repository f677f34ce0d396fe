/// An error code of RST_STREAM and GOAWAY (RFC 9113, section 7).
package struct HTTP2ErrorCode: RawRepresentable, Sendable, Hashable {
    /// The code as it is sent.
    package let rawValue: UInt32

    /// A code, known or not.
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// An orderly end.
    package static let noError = HTTP2ErrorCode(rawValue: 0x0)
    /// The peer broke the protocol.
    package static let protocolError = HTTP2ErrorCode(rawValue: 0x1)
    /// Something failed here.
    package static let internalError = HTTP2ErrorCode(rawValue: 0x2)
    /// Nothing of the stream was looked at.
    package static let refusedStream = HTTP2ErrorCode(rawValue: 0x7)
    /// The stream is not needed any more.
    package static let cancel = HTTP2ErrorCode(rawValue: 0x8)
    /// The peer asks for more than is reasonable.
    package static let enhanceYourCalm = HTTP2ErrorCode(rawValue: 0xB)
    /// The transport is not safe enough.
    package static let inadequateSecurity = HTTP2ErrorCode(rawValue: 0xC)
}
