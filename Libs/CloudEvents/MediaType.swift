/// A media type with its parameters checked and set aside (RFC 2046; grammar of RFC 9110, section 8.3.1).
struct MediaType {
    /// Type and subtype in lower case, `application/json`.
    let essence: String

    /// Nil when the text is not a media type.
    init?(_ text: String) {
        var reader = Reader(bytes: Array(text.utf8))
        guard let type = reader.token(), reader.take(UInt8(ascii: "/")), let subtype = reader.token() else {
            return nil
        }
        while !reader.isAtEnd {
            reader.skipSpace()
            if reader.isAtEnd { return nil }
            guard reader.take(UInt8(ascii: ";")) else { return nil }
            reader.skipSpace()
            guard reader.token() != nil, reader.take(UInt8(ascii: "=")), reader.skipValue() else { return nil }
        }
        essence = "\(type)/\(subtype)".lowercased()
    }

    /// `*/json` or `*/*+json`.
    var isJSON: Bool { essence.hasSuffix("/json") || essence.hasSuffix("+json") }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { position == bytes.count }

        mutating func take(_ byte: UInt8) -> Bool {
            guard position < bytes.count, bytes[position] == byte else { return false }
            position += 1
            return true
        }

        mutating func skipSpace() {
            while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
        }

        mutating func token() -> String? {
            let start = position
            while position < bytes.count, Self.isTokenCharacter(bytes[position]) { position += 1 }
            return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
        }

        mutating func skipValue() -> Bool {
            guard take(UInt8(ascii: "\"")) else { return token() != nil }
            while position < bytes.count {
                let byte = bytes[position]
                guard byte >= 0x20 || byte == 0x09, byte < 0x7F else { return false }
                position += byte == UInt8(ascii: "\\") ? 2 : 1
                if byte == UInt8(ascii: "\"") { return true }
            }
            return false
        }

        private static func isTokenCharacter(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
    }
}
