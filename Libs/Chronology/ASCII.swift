/// Fixed-width decimal fields of ISO 8601 texts, read from and appended to bytes.
enum ASCII {
    static let zero = UInt8(ascii: "0")
    static let dash = UInt8(ascii: "-")
    static let colon = UInt8(ascii: ":")
    static let point = UInt8(ascii: ".")

    /// The value of the `count` digits from `start`; nil when a byte is missing or not a digit.
    @inline(__always)
    static func number(_ bytes: Span<UInt8>, from start: Int, count: Int) -> Int? {
        guard start + count <= bytes.count else { return nil }
        var value = 0
        for index in start..<(start + count) {
            let digit = bytes[index] &- zero
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int(digit)
        }
        return value
    }

    /// Appends `value`, which is not negative, padded with zeros to at least `width` digits.
    static func append(_ value: Int, width: Int, to bytes: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<width { divisor &*= 10 }
        while value / divisor >= 10 { divisor &*= 10 }
        while divisor > 0 {
            bytes.append(zero &+ UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }
}
