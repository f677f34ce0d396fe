// Plain notation: -?(0|[1-9][0-9]*)(\.[0-9]+)? and nothing else, both ways.

extension Decimal: CustomStringConvertible {
    /// Reads plain notation such as `-1234.50`: no exponent, no plus sign, no group separators, no spaces, no leading
    /// zeros, a digit on either side of a point.
    ///
    /// The decimals written are the scale.
    package init(
        parsing text: String, maximumIntegerDigits: Int = maximumDigits, maximumScale: Int = maximumScale
    ) throws(MoneyError) {
        try self.init(
            parsing: text.utf8Span.span, maximumIntegerDigits: maximumIntegerDigits, maximumScale: maximumScale)
    }

    /// Reads plain notation from ASCII; the rules of the initializer for strings.
    package init(
        parsing bytes: Span<UInt8>, maximumIntegerDigits: Int = maximumDigits, maximumScale: Int = maximumScale
    ) throws(MoneyError) {
        let isNegative = !bytes.isEmpty && bytes[0] == UInt8(ascii: "-")
        let start = isNegative ? 1 : 0
        let integerDigits = Self.countDigits(bytes, from: start)
        var end = start + integerDigits
        guard integerDigits == 1 || (integerDigits > 1 && bytes[start] != UInt8(ascii: "0")) else {
            throw Self.malformed
        }
        var decimals = 0
        if end < bytes.count, bytes[end] == UInt8(ascii: ".") {
            decimals = Self.countDigits(bytes, from: end + 1)
            guard decimals > 0 else { throw Self.malformed }
            end += 1 + decimals
        }
        guard end == bytes.count else { throw Self.malformed }
        guard integerDigits <= maximumIntegerDigits else {
            throw MoneyError(.tooManyIntegerDigits, "at most \(maximumIntegerDigits) digits before the point")
        }
        guard decimals <= min(maximumScale, Self.maximumScale) else {
            throw MoneyError(.tooManyDecimals, "at most \(min(maximumScale, Self.maximumScale)) decimals")
        }
        guard integerDigits + decimals <= Self.maximumDigits else { throw MoneyError.overflow }
        try self.init(isNegative: isNegative, magnitude: Self.digits(bytes, start..<end), scale: decimals)
    }

    /// Plain notation with as many decimals as the scale says; zero has no sign.
    package var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the text of `description` as ASCII.
    package func append(to bytes: inout [UInt8]) {
        if mantissa < 0 { bytes.append(UInt8(ascii: "-")) }
        let magnitude = mantissa.magnitude
        // The description of a 64-bit integer is several times faster, and holds nearly every amount.
        var digits = magnitude <= UInt128(UInt64.max) ? String(UInt64(magnitude)) : String(magnitude)
        digits.withUTF8 { digits in
            for index in min(0, digits.count - scale - 1)..<digits.count {
                if index == digits.count - scale, scale > 0 { bytes.append(UInt8(ascii: ".")) }
                bytes.append(index < 0 ? UInt8(ascii: "0") : unsafe digits[index])
            }
        }
    }

    private static var malformed: MoneyError {
        MoneyError(.malformedNumber, "expected plain decimal notation such as -1234.50")
    }

    private static func countDigits(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
        return index - start
    }

    /// The integer of at most 38 digits in `range`, a point among them passed over.
    private static func digits(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt128 {
        var high: UInt128 = 0
        var low: UInt64 = 0
        var pending = 0
        for index in range where bytes[index] != UInt8(ascii: ".") {
            low = low &* 10 &+ UInt64(bytes[index] &- UInt8(ascii: "0"))
            pending += 1
            if pending == 19 {
                high = high * PowersOfTen[19] + UInt128(low)
                (low, pending) = (0, 0)
            }
        }
        return high == 0 ? UInt128(low) : high * PowersOfTen[pending] + UInt128(low)
    }
}
