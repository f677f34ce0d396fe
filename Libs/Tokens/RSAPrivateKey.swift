internal import COpenSSL
internal import Secrets

/// An RSA key that makes RS256 signatures (RFC 7518, section 3.3), of 3072 bits or more.
package final class RSAPrivateKey: Sendable {
    /// What verifies this key's signatures.
    package let publicKey: RSAPublicKey
    private let key: KeyHandle

    private static let modulusBits = 3072
    private static let armour = (begin: "-----BEGIN PRIVATE KEY-----", end: "-----END PRIVATE KEY-----")

    private init(_ key: KeyHandle) throws(TokenError) {
        guard Self.modulusBits...8192 ~= key.modulusBits else {
            throw TokenError(.invalidKey, "expected an RSA key of 3072 to 8192 bits")
        }
        publicKey = try RSAPublicKey(modulus: key.parameter("n"), exponent: key.parameter("e"))
        self.key = key
    }

    /// A new key of 3072 bits. Takes a few hundred milliseconds: not for a thread that others wait on.
    package static func generate() throws(TokenError) -> RSAPrivateKey {
        let context = try KeyContext()
        let made: KeyHandle? = unsafe context.withUnsafePointer { context in
            var key: OpaquePointer?
            guard unsafe EVP_PKEY_keygen_init(context) == 1,
                unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(modulusBits)) == 1,
                unsafe EVP_PKEY_generate(context, &key) == 1, let owned = unsafe key
            else { return nil }
            return unsafe KeyHandle(owning: owned)
        }
        guard let made else { throw OpenSSL.failure("no RSA key could be generated") }
        return try RSAPrivateKey(made)
    }

    /// Reads a PKCS #8 `PrivateKeyInfo` (RFC 5208) in DER, not encrypted, with nothing after it.
    ///
    /// Throws `invalidKey` for anything else, and where private and public part do not belong together.
    package convenience init(pkcs8DER: [UInt8]) throws(TokenError) {
        let failure = TokenError(.invalidKey, "expected an RSA key in PKCS #8")
        let key: KeyHandle? = unsafe pkcs8DER.withUnsafeBufferPointer { bytes in
            var cursor = bytes.baseAddress
            guard let info = unsafe d2i_PKCS8_PRIV_KEY_INFO(nil, &cursor, bytes.count) else { return nil }
            defer { unsafe PKCS8_PRIV_KEY_INFO_free(info) }
            guard unsafe cursor == bytes.baseAddress.map({ unsafe $0 + bytes.count }),
                let key = unsafe EVP_PKCS82PKEY(info)
            else { return nil }
            return unsafe KeyHandle(owning: key)
        }
        guard let key else { throw OpenSSL.failure(failure.message, code: failure.code) }
        guard key.modulusBits > 0 else { throw failure }
        let check = try KeyContext(key)
        guard unsafe check.withUnsafePointer({ unsafe EVP_PKEY_pairwise_check($0) }) == 1 else {
            throw OpenSSL.failure("the parts of the key do not belong together", code: .invalidKey)
        }
        try self.init(key)
    }

    /// Reads a PKCS #8 key in PEM (`-----BEGIN PRIVATE KEY-----`, RFC 7468), and nothing before or after it but line
    /// ends.
    package convenience init(pkcs8PEM: String) throws(TokenError) {
        var lines = pkcs8PEM.split(whereSeparator: \.isNewline)
        guard lines.count > 2, lines.removeFirst() == Self.armour.begin, lines.removeLast() == Self.armour.end else {
            throw TokenError(.invalidKey, "expected one private key in PEM")
        }
        let der: [UInt8]
        do {
            der = try Base64.decode(lines.joined())
        } catch {
            throw TokenError(.invalidKey, "expected base64 between the lines of the PEM")
        }
        try self.init(pkcs8DER: der)
    }

    /// The key as a PKCS #8 `PrivateKeyInfo` in DER, not encrypted: to be sealed at once.
    package func pkcs8DER() throws(TokenError) -> [UInt8] {
        guard let info = unsafe key.withUnsafeKey({ unsafe EVP_PKEY2PKCS8($0) }) else {
            throw OpenSSL.failure("the key has no PKCS #8 form")
        }
        defer { unsafe PKCS8_PRIV_KEY_INFO_free(info) }
        let length = unsafe i2d_PKCS8_PRIV_KEY_INFO(info, nil)
        guard length > 0 else { throw OpenSSL.failure("the key has no DER form") }
        var bytes = [UInt8](repeating: 0, count: Int(length))
        let written = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            // The encoder moves the pointer that it is given past what it wrote.
            var cursor = buffer.baseAddress
            return unsafe i2d_PKCS8_PRIV_KEY_INFO(info, &cursor)
        }
        guard written == length else { throw OpenSSL.failure("the key has no DER form") }
        return bytes
    }

    /// The key in PEM, lines of 64 characters, not encrypted.
    package func pkcs8PEM() throws(TokenError) -> String {
        let characters = Array(Base64.encode(try pkcs8DER()).utf8)
        let lines = stride(from: 0, to: characters.count, by: 64).map {
            String(decoding: characters[$0..<min($0 + 64, characters.count)], as: UTF8.self)
        }
        return ([Self.armour.begin] + lines + [Self.armour.end]).joined(separator: "\n") + "\n"
    }

    /// The signature of the message: RSASSA-PKCS1-v1_5 with SHA-256, as long as the modulus.
    ///
    /// Takes more than a millisecond of computation.
    package func sign(_ message: [UInt8]) throws(TokenError) -> [UInt8] {
        let context = try DigestContext()
        var signature = [UInt8](repeating: 0, count: publicKey.modulus.count)
        var length = signature.count
        let isSigned = unsafe context.withUnsafePointer { context in
            unsafe key.withUnsafeKey { unsafe EVP_DigestSignInit(context, nil, EVP_sha256(), nil, $0) == 1 }
                && EVP_DigestSign(context, &signature, &length, message, message.count) == 1
        }
        guard isSigned, length == signature.count else { throw OpenSSL.failure("the key made no signature") }
        return signature
    }
}
