package import CloudEvents

/// What an inbox knows an event by: 16 bytes, as the text of a UUID.
package struct EventIdentity: Sendable, Hashable, CustomStringConvertible {
    /// Lower-case text of a UUID.
    package let description: String

    /// An event's id where it is a UUID, as those of Florin are; else drawn from source and id, which CloudEvents makes
    /// unique together.
    package init(of event: CloudEvent) {
        description =
            Self.isUUID(event.id)
            ? event.id.lowercased() : Self.derived(from: [Array(event.source.utf8), Array(event.id.utf8)])
    }

    /// Drawn from the parts of a message that could not be read.
    init(ofMessage parts: [[UInt8]]) { description = Self.derived(from: parts) }

    private static func isUUID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return false }
        return bytes.enumerated().allSatisfy { position, byte in
            switch position {
            case 8, 13, 18, 23: byte == UInt8(ascii: "-")
            default: (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
            }
        }
    }

    /// FNV-1a of 128 bits over the parts, written as a UUID of version 8 (RFC 9562, section 5.8).
    private static func derived(from parts: [[UInt8]]) -> String {
        let prime: UInt128 = (1 << 88) + 0x13B
        var hash: UInt128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D
        for part in parts {
            for byte in part { hash = (hash ^ UInt128(byte)) &* prime }
            hash = (hash ^ 0x100) &* prime
        }
        hash = hash & ~(0xF000 << 64) | (0x8000 << 64)
        hash = hash & ~(3 << 62) | (2 << 62)
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for nibble in 0..<32 {
            if [8, 12, 16, 20].contains(nibble) { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(truncatingIfNeeded: hash >> UInt128(124 - nibble * 4)) & 15])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
