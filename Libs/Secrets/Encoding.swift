internal import CSodium

// libsodium's codecs take the same time whatever the bytes are, so that they fit keys and tokens.

/// Hexadecimal text (RFC 4648, section 8).
package enum Hex {
    /// Two lower-case digits a byte.
    package static func encode(_ bytes: [UInt8]) -> String {
        let size = bytes.count * 2 + 1
        return unsafe String(unsafeUninitializedCapacity: size) { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { text in
                if let base = text.baseAddress { _ = unsafe sodium_bin2hex(base, size, bytes, bytes.count) }
            }
            return size - 1
        }
    }

    /// Reads digits of either case; throws `malformedEncoding` for an odd count or anything else among them.
    package static func decode(_ text: String) throws(SecretsError) -> [UInt8] {
        let length = text.utf8.count
        var bytes = [UInt8](repeating: 0, count: length / 2)
        var count = 0
        let status = unsafe text.withCString { characters in
            unsafe sodium_hex2bin(&bytes, bytes.count, characters, length, nil, &count, nil)
        }
        guard status == 0, count == bytes.count else {
            throw SecretsError(.malformedEncoding, "expected hexadecimal digits")
        }
        return bytes
    }
}

/// Base64 with `+`, `/` and padding (RFC 4648, section 4).
package enum Base64 {
    /// Four characters for each three bytes begun, padded with `=`.
    package static func encode(_ bytes: [UInt8]) -> String {
        encodeBase64(bytes, sodium_base64_VARIANT_ORIGINAL)
    }

    /// Reads one encoding and refuses every other of the same bytes: `malformedEncoding` for missing padding, line
    /// breaks, spaces or bits that are left over.
    package static func decode(_ text: String) throws(SecretsError) -> [UInt8] {
        try decodeBase64(Array(text.utf8), sodium_base64_VARIANT_ORIGINAL)
    }
}

/// Base64 for URLs: with `-` and `_`, without padding (RFC 4648, section 5, as RFC 7515 uses it).
package enum Base64URL {
    /// As many characters as the bytes need, without padding.
    package static func encode(_ bytes: [UInt8]) -> String {
        encodeBase64(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING)
    }

    /// Reads one encoding and refuses every other of the same bytes: `malformedEncoding` for padding, line breaks,
    /// spaces or bits that are left over.
    package static func decode(_ text: String) throws(SecretsError) -> [UInt8] {
        try decodeBase64(Array(text.utf8), sodium_base64_VARIANT_URLSAFE_NO_PADDING)
    }

    /// Reads the encoding from ASCII; the rules of the other `decode`.
    package static func decode(ascii: [UInt8]) throws(SecretsError) -> [UInt8] {
        try decodeBase64(ascii, sodium_base64_VARIANT_URLSAFE_NO_PADDING)
    }
}

private func encodeBase64(_ bytes: [UInt8], _ variant: Int32) -> String {
    // The length with the final NUL that C writes.
    let size = sodium_base64_encoded_len(bytes.count, variant)
    return unsafe String(unsafeUninitializedCapacity: size) { buffer in
        unsafe buffer.withMemoryRebound(to: CChar.self) { text in
            if let base = text.baseAddress {
                _ = unsafe sodium_bin2base64(base, size, bytes, bytes.count, variant)
            }
        }
        return size - 1
    }
}

private func decodeBase64(_ text: [UInt8], _ variant: Int32) throws(SecretsError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: text.count / 4 * 3 + 2)
    var count = 0
    let status = unsafe text.withUnsafeBytes { raw in
        unsafe raw.withMemoryRebound(to: CChar.self) { characters in
            // Without an end pointer anything that is left over is an error.
            unsafe sodium_base642bin(
                &bytes, bytes.count, characters.baseAddress, text.count, nil, &count, nil, variant)
        }
    }
    guard status == 0 else { throw SecretsError(.malformedEncoding, "expected base64 in its one strict form") }
    bytes.removeLast(bytes.count - count)
    return bytes
}
