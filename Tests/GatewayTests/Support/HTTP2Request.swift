import HTTPTesting

/// A request of HTTP/2 as plain bytes, by a client that shares nothing with the server (RFC 9113, RFC 7541).
enum HTTP2Request {
    /// The preface and empty SETTINGS.
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(type: 4, flags: 0, stream: 0, [])
    /// RST_STREAM with CANCEL.
    static func cancel(stream: UInt8) -> [UInt8] { frame(type: 3, flags: 0, stream: stream, [0, 0, 0, 8]) }

    /// HEADERS that end their block and their stream.
    static func get(_ path: String, token: String, stream: UInt8) -> [UInt8] {
        let fields = [
            (":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "florin.example"),
            ("authorization", "Bearer \(token)"),
        ]
        let block = fields.flatMap { name, value -> [UInt8] in [0x10] + text(name) + text(value) }
        return frame(type: 1, flags: 0x05, stream: stream, block)
    }

    /// A string literal without Huffman coding; its length has a prefix of seven bits (RFC 7541 section 5.1).
    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var length: [UInt8] = [127]
        var rest = bytes.count - 127
        while rest >= 128 {
            length.append(UInt8(rest % 128) | 0x80)
            rest /= 128
        }
        return length + [UInt8(rest)] + bytes
    }

    private static func frame(type: UInt8, flags: UInt8, stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let length = [UInt8(payload.count >> 16 & 0xFF), UInt8(payload.count >> 8 & 0xFF), UInt8(payload.count & 0xFF)]
        return length + [type, flags, 0, 0, 0, stream] + payload
    }
}
