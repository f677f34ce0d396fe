/// Percent-encoding (RFC 3986, section 2.1): a byte as `%` and two hexadecimal digits.
package enum PercentEncoding {
    /// Encodes every byte of the UTF-8 that is not plain, and `%` itself.
    ///
    /// - Parameter isPlain: whether a byte may stand for itself.
    package static func encode(_ text: String, where isPlain: (UInt8) -> Bool) -> String {
        let percent = UInt8(ascii: "%")
        if text.utf8.allSatisfy({ isPlain($0) && $0 != percent }) { return text }
        var encoded: [UInt8] = []
        encoded.reserveCapacity(text.utf8.count * 2)
        for byte in text.utf8 {
            if isPlain(byte), byte != percent {
                encoded.append(byte)
            } else {
                encoded += [percent, HexDigit.upperCase(byte >> 4), HexDigit.upperCase(byte & 0xF)]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// The text meant; nil for a `%` without two digits behind it, for bytes that are not UTF-8, and for NUL, which would
    /// end the text early for a C library.
    package static func decode(_ text: some Sequence<UInt8>) -> String? {
        var decoded: [UInt8] = []
        var rest = text.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(HexDigit.value), let low = rest.next().flatMap(HexDigit.value) else {
                return nil
            }
            decoded.append(high << 4 | low)
        }
        return decoded.contains(0) ? nil : String(validating: decoded, as: UTF8.self)
    }

    /// The text meant, whatever is there: a `%` without two digits behind it stays as it is, and what is not UTF-8 is
    /// repaired.
    ///
    /// - Parameter plusIsSpace: as in `application/x-www-form-urlencoded`.
    package static func decodeLeniently(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.utf8.count)
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = rest.first.flatMap(HexDigit.value),
                let low = rest.dropFirst().first.flatMap(HexDigit.value)
            {
                decoded.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }
}
