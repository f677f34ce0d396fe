/// A version 7 UUID (RFC 9562, section 5.7): 48 bits of milliseconds, 74 bits that make it unique.
package struct UUIDv7: Sendable, Hashable {
    /// The first eight bytes, big endian: milliseconds, version, `rand_a`.
    package let high: UInt64
    /// The last eight bytes, big endian: variant, `rand_b`.
    package let low: UInt64

    private static let versionMask: UInt64 = 0xF000
    private static let version: UInt64 = 0x7000
    private static let variantMask: UInt64 = 0xC000_0000_0000_0000
    private static let variant: UInt64 = 0x8000_0000_0000_0000

    /// Checks version and variant: nil for any other kind of UUID.
    package init?(high: UInt64, low: UInt64) {
        guard high & Self.versionMask == Self.version, low & Self.variantMask == Self.variant else { return nil }
        self.high = high
        self.low = low
    }

    /// The identifier of these parts: `instant` in milliseconds (0 when before 1970), 12 bits of `randomA`, 62 of
    /// `randomB`.
    package init(at instant: Timestamp, randomA: UInt16, randomB: UInt64) {
        let milliseconds = UInt64(max(0, instant.millisecondsSinceEpoch)) & 0xFFFF_FFFF_FFFF
        high = milliseconds << 16 | Self.version | UInt64(randomA & 0x0FFF)
        low = Self.variant | (randomB & ~Self.variantMask)
    }

    /// A random identifier of the given instant; not ordered against others of the same millisecond.
    package init(at instant: Timestamp) {
        var generator = SystemRandomNumberGenerator()
        self.init(
            at: instant, randomA: UInt16(truncatingIfNeeded: generator.next()), randomB: generator.next())
    }

    /// A new identifier, greater than every other that this process has made.
    package static func make() -> UUIDv7 { UUIDv7Generator.shared.make() }

    /// The millisecond in which it was made, by its maker's clock.
    package var timestamp: Timestamp { Timestamp(millisecondsSinceEpoch: Int64(high >> 16)) }
}

extension UUIDv7: Comparable {
    /// Byte order, which is the order of making.
    package static func < (left: UUIDv7, right: UUIDv7) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }
}

// MARK: - Bytes and text

extension UUIDv7: CustomStringConvertible {
    /// Reads the 16 bytes of network order; refuses any other length, version or variant.
    package init(bytes: Span<UInt8>) throws(ChronologyError) {
        guard bytes.count == 16 else { throw Self.malformed }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for index in 0..<8 { high = high << 8 | UInt64(bytes[index]) }
        for index in 8..<16 { low = low << 8 | UInt64(bytes[index]) }
        guard let value = UUIDv7(high: high, low: low) else { throw Self.malformed }
        self = value
    }

    /// The 16 bytes in network order.
    package var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(16)
        for half in [high, low] {
            for shift in stride(from: 56, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: half >> shift))
            }
        }
        return result
    }

    /// Reads the 36 characters of RFC 9562 (either case of letter); refuses any other form, version or variant.
    package init(parsing text: String) throws(ChronologyError) {
        try self.init(parsing: text.utf8Span.span)
    }

    /// Reads the 36 characters of RFC 9562 from ASCII.
    package init(parsing bytes: Span<UInt8>) throws(ChronologyError) {
        guard bytes.count == 36, bytes[8] == ASCII.dash, bytes[13] == ASCII.dash, bytes[18] == ASCII.dash,
            bytes[23] == ASCII.dash
        else { throw Self.malformed }
        var halves: (high: UInt64, low: UInt64) = (0, 0)
        for index in 0..<36 where index != 8 && index != 13 && index != 18 && index != 23 {
            guard let nibble = Self.nibble(bytes[index]) else { throw Self.malformed }
            if index < 18 { halves.high = halves.high << 4 | nibble } else { halves.low = halves.low << 4 | nibble }
        }
        guard let value = UUIDv7(high: halves.high, low: halves.low) else { throw Self.malformed }
        self = value
    }

    /// The 36 characters, lower case.
    package var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the text of `description` as ASCII.
    package func append(to bytes: inout [UInt8]) {
        for index in 0..<16 {
            if index == 4 || index == 6 || index == 8 || index == 10 { bytes.append(ASCII.dash) }
            let half = index < 8 ? high : low
            let byte = UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * (index & 7)))
            bytes.append(Self.hexDigit(byte >> 4))
            bytes.append(Self.hexDigit(byte & 15))
        }
    }

    private static var malformed: ChronologyError {
        ChronologyError(.invalidIdentifier, "expected a version 7 UUID")
    }

    private static func nibble(_ byte: UInt8) -> UInt64? {
        if byte &- ASCII.zero < 10 { return UInt64(byte &- ASCII.zero) }
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? UInt64(letter) + 10 : nil
    }

    private static func hexDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? ASCII.zero + nibble : UInt8(ascii: "a") + nibble - 10
    }
}
