package import Chronology

/// What a request is called, from the gateway to the last service that it reaches: in answers, log lines and events.
///
/// It travels as the header field `X-Request-Id` and the gRPC metadata of that name. Within a process it travels as the
/// task-local `current`. Whoever takes one from outside makes it by `init(_:)`, so that none holds more than it may.
package struct RequestID: Sendable, Hashable, CustomStringConvertible {
    /// The name of the request that the current task works for, if any.
    @TaskLocal package static var current: RequestID?

    /// The name of the metadata, and of the header field in lower case.
    package static let fieldName = "x-request-id"
    private static let longest = 128

    /// The text.
    package let description: String

    /// Takes 1 to 128 letters, digits, `.`, `_`, `-`, `:`; nil for anything else.
    package init?(_ text: String) {
        guard (1...Self.longest).contains(text.utf8.count), text.utf8.allSatisfy(Self.isAllowed) else { return nil }
        description = text
    }

    /// A name that no other request has.
    package init(_ id: UUIDv7) { description = id.description }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ":"): true
        default: false
        }
    }
}
