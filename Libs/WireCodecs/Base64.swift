/// Base64 of the standard alphabet (RFC 4648, section 4), for what is no secret.
package enum Base64 {
    /// Whether a text ends in `=` up to a multiple of four characters.
    package enum Padding: Sendable {
        /// It does.
        case required
        /// It does, or has none at all.
        case optional
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let pad = UInt8(ascii: "=")

    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        for (value, letter) in alphabet.enumerated() { table[Int(letter)] = UInt8(value) }
        return table
    }()

    /// Four characters for each three bytes begun, or as many as the bytes need without padding.
    package static func encode(_ bytes: [UInt8], isPadded: Bool = true) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var group = UInt32(bytes[start]) << 16
            if count > 1 { group |= UInt32(bytes[start + 1]) << 8 }
            if count > 2 { group |= UInt32(bytes[start + 2]) }
            for place in 0...count { text.append(alphabet[Int(group >> UInt32(18 - 6 * place) & 63)]) }
            if isPadded { text.append(contentsOf: repeatElement(pad, count: 3 - count)) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes; nil unless the text is exactly what `encode` could have written: no other characters, no wrong padding, no
    /// bits that are left over.
    package static func decode(_ text: some StringProtocol, padding: Padding = .required) -> [UInt8]? {
        let letters = Array(text.utf8)
        let padded = letters.suffix(2).reversed().prefix { $0 == pad }.count
        let digits = letters.dropLast(padded)
        let isComplete = letters.count % 4 == 0
        guard isComplete || (padding == .optional && padded == 0), digits.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * 3 / 4)
        var group: UInt32 = 0
        var bits = 0
        for letter in digits {
            let value = values[Int(letter)]
            guard value != 0xFF else { return nil }
            group = group << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
                group &= (1 << UInt32(bits)) - 1
            }
        }
        return group == 0 ? bytes : nil
    }
}
