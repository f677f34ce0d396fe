internal import Chronology

/// How a text is written, where contracts say so by `format`.
enum TextFormat: Sendable {
    /// A day: `2026-11-20`.
    case date
    /// An instant of RFC 3339: `2026-11-20T09:30:00.123Z`.
    case dateTime
    /// A UUID of any version in the canonical notation of RFC 9562.
    case uuid
    /// A decimal number in plain notation.
    case decimal
    /// A currency code of three capital letters.
    case currency

    /// The rule in words.
    var explanation: String {
        switch self {
        case .date: "must be a date such as 2026-11-20"
        case .dateTime: "must be an instant such as 2026-11-20T09:30:00.123Z"
        case .uuid: "must be a UUID"
        case .decimal: "must be a decimal number such as 12.34"
        case .currency: "must be a currency code such as EUR"
        }
    }

    /// Whether the text is written this way.
    func matches(_ text: String) -> Bool {
        switch self {
        case .date: CalendarDate(iso: text) != nil
        case .dateTime: Timestamp(rfc3339: text) != nil
        case .uuid: Self.isUUID(text)
        case .decimal: Self.isDecimal(text)
        case .currency: text.utf8.count == 3 && text.utf8.allSatisfy { (0x41...0x5A).contains($0) }
        }
    }

    private static func isUUID(_ text: String) -> Bool {
        guard text.utf8.count == 36 else { return false }
        for (position, byte) in text.utf8.enumerated() {
            switch position {
            case 8, 13, 18, 23: guard byte == UInt8(ascii: "-") else { return false }
            default: guard isHexadecimal(byte) else { return false }
            }
        }
        return true
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
    }

    private static func isDecimal(_ text: String) -> Bool {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        let parts = digits.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        return parts.allSatisfy { part in !part.isEmpty && part.allSatisfy { (0x30...0x39).contains($0) } }
    }
}
