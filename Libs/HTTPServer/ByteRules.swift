internal import WireCodecs

/// The character classes of RFC 9110 section 5.6 and RFC 3986 section 2, as a table of one byte each.
enum ByteRules {
    private static let token: UInt8 = 1
    private static let fieldValue: UInt8 = 2
    private static let target: UInt8 = 4
    private static let host: UInt8 = 8

    private static let table: [UInt8] = (0...255).map { byte in
        let byte = UInt8(byte)
        var classes: UInt8 = 0
        let isAlphanumeric =
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        if isAlphanumeric || "!#$%&'*+-.^_`|~".utf8.contains(byte) { classes |= token }
        if byte == 0x09 || (byte >= 0x20 && byte != 0x7F) { classes |= fieldValue }
        if isAlphanumeric || "-._~:/?[]@!$&'()*+,;=%".utf8.contains(byte) { classes |= target }
        if isAlphanumeric || "-._~!$&'()*+;=%".utf8.contains(byte) { classes |= host }
        return classes
    }

    /// A character of a method or a field name.
    static func isToken(_ byte: UInt8) -> Bool { table[Int(byte)] & token != 0 }
    /// A character that a field value may hold; bytes above 127 are checked to be UTF-8 apart.
    static func isFieldValue(_ byte: UInt8) -> Bool { table[Int(byte)] & fieldValue != 0 }
    /// A character of a URI without its fragment.
    static func isTarget(_ byte: UInt8) -> Bool { table[Int(byte)] & target != 0 }
    /// A character of a host name; the comma, which RFC 3986 allows, would hide a second host.
    static func isHost(_ byte: UInt8) -> Bool { table[Int(byte)] & host != 0 }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}

extension Span<UInt8> {
    /// Whether the bytes are exactly those of `text`.
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            for index in 0..<count where unsafe self[index] != expected[index] { return false }
            return true
        }
    }

    /// Whether the bytes are those of `text`, which is in lower case, in any case.
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            for index in 0..<count where unsafe ByteRules.lowercased(self[index]) != expected[index] { return false }
            return true
        }
    }

    func allSatisfy(_ rule: (UInt8) -> Bool) -> Bool {
        for index in 0..<count where !rule(self[index]) { return false }
        return true
    }

    func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        var index = start
        while index < count {
            if self[index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// The range without spaces and tabs at both ends.
    func trimmedRange(_ range: Range<Int>) -> Range<Int> {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high, self[low] == 0x20 || self[low] == 0x09 { low += 1 }
        while low < high, self[high - 1] == 0x20 || self[high - 1] == 0x09 { high -= 1 }
        return low..<high
    }

    /// Whether every `%` begins two hexadecimal digits and the text meant is UTF-8 without NUL.
    var isPercentEncodedText: Bool {
        guard firstIndex(of: UInt8(ascii: "%")) != nil else { return true }
        return text.flatMap { PercentEncoding.decode($0.utf8) } != nil
    }

    /// The bytes as text; nil when they are not UTF-8.
    var text: String? { String(copying: self) }
}

extension String {
    /// Copies UTF-8; nil when the bytes are not UTF-8.
    init?(copying bytes: Span<UInt8>) {
        let valid = unsafe bytes.withUnsafeBufferPointer { unsafe String(validating: $0, as: UTF8.self) }
        guard let valid else { return nil }
        self = valid
    }
}
