package import Validation

/// An e-mail address, as its owner writes it, with the form that decides whether two are the same.
///
/// The shape is that of RFC 5321 without quoted local parts and address literals: what mail providers give out.
package struct EmailAddress: Sendable, Hashable {
    /// As typed.
    package let text: String
    /// In lower case: what is unique.
    package let key: String

    /// Nil where `text` is no address.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard 3...254 ~= bytes.count, let at = bytes.firstIndex(of: UInt8(ascii: "@")),
            Self.isLocalPart(bytes[..<at]), Self.isDomain(bytes[(at + 1)...])
        else { return nil }
        self.text = text
        key = text.lowercased()
    }

    private static func isLocalPart(_ bytes: ArraySlice<UInt8>) -> Bool {
        1...64 ~= bytes.count && bytes.first != dot && bytes.last != dot
            && zip(bytes, bytes.dropFirst()).allSatisfy { !($0 == dot && $1 == dot) }
            && bytes.allSatisfy {
                $0 == dot || isLetterOrDigit($0) || "!#$%&'*+-/=?^_`{|}~".utf8.contains($0) || $0 >= 0x80
            }
    }

    private static func isDomain(_ bytes: ArraySlice<UInt8>) -> Bool {
        let labels = bytes.split(separator: dot, omittingEmptySubsequences: false)
        return labels.count >= 2
            && labels.allSatisfy { label in
                1...63 ~= label.count && label.first != hyphen && label.last != hyphen
                    && label.allSatisfy { isLetterOrDigit($0) || $0 == hyphen || $0 >= 0x80 }
            }
    }

    private static let dot = UInt8(ascii: ".")
    private static let hyphen = UInt8(ascii: "-")

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
    }
}

extension Validator {
    /// An e-mail address.
    package mutating func email(_ field: String, _ value: String) -> EmailAddress? {
        if let address = EmailAddress(value) { return address }
        fail(field, value.isEmpty ? "required" : "invalid_email", "must be an e-mail address such as ada@example.org")
        return nil
    }
}
