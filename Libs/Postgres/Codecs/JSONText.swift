/// A JSON text as UTF-8 bytes, bound to and read from `jsonb` (and read from `json`). The server checks it, not we.
package struct JSONText: Sendable, Hashable, PostgresEncodable, PostgresDecodable {
    /// The text.
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package init(_ text: String) { bytes = Array(text.utf8) }

    package static var postgresType: PostgresType { .jsonb }

    /// The binary form of `jsonb` is a version byte, 1, and the text.
    package func encode(into buffer: inout [UInt8]) {
        buffer.append(1)
        buffer.append(contentsOf: bytes)
    }

    package static func decode(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) -> JSONText {
        switch type {
        case .json: return JSONText(bytes.copied())
        case .jsonb:
            guard bytes.count > 0, bytes[0] == 1 else { throw mismatch(type) }
            return JSONText(bytes.extracting(1...).copied())
        default: throw mismatch(type)
        }
    }
}
