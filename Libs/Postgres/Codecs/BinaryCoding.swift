/// Network byte order, as every binary form of PostgreSQL has it.
extension Array where Element == UInt8 {
    mutating func appendBigEndian<T: FixedWidthInteger>(_ value: T) {
        for shift in stride(from: T.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> T(shift)))
        }
    }

    mutating func replaceBigEndian(_ value: Int32, at index: Int) {
        for byte in 0..<4 { self[index + byte] = UInt8(truncatingIfNeeded: value >> Int32(24 - 8 * byte)) }
    }

    /// Appends what `body` appends, with its length before it (-1 and nothing when it is nil).
    mutating func appendLengthPrefixed(_ body: ((inout [UInt8]) -> Void)?) {
        guard let body else { return appendBigEndian(Int32(-1)) }
        let start = count
        appendBigEndian(Int32(0))
        body(&self)
        replaceBigEndian(Int32(clamping: count - start - 4), at: start)
    }
}

extension Span where Element == UInt8 {
    /// The integer in network byte order at `offset`, which moves behind it; nil past the end.
    func integer<T: FixedWidthInteger>(_ type: T.Type, at offset: inout Int) -> T? {
        let size = T.bitWidth / 8
        guard offset >= 0, count - offset >= size else { return nil }
        var value: T = 0
        for index in offset..<offset + size { value = value << 8 | T(truncatingIfNeeded: self[index]) }
        offset += size
        return value
    }

    /// The integer that these bytes are, nil when their number differs.
    func integer<T: FixedWidthInteger>(_ type: T.Type) -> T? {
        guard count == T.bitWidth / 8 else { return nil }
        var offset = 0
        return integer(type, at: &offset)
    }

    func copied() -> [UInt8] {
        unsafe withUnsafeBufferPointer { unsafe [UInt8]($0) }
    }

    func text() -> String {
        unsafe withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
