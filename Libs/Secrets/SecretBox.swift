internal import CSodium

/// Authenticated encryption under one key (XSalsa20-Poly1305): for what this system stores and reads back itself.
package struct SecretBox: Sendable {
    /// The length of a key in bytes.
    package static let keyBytes = Int(crypto_secretbox_KEYBYTES)

    private static let nonceBytes = Int(crypto_secretbox_NONCEBYTES)
    private static let overhead = Int(crypto_secretbox_MACBYTES)
    private let key: SecretBytes

    /// Throws `invalidKey` for a key that is not 32 bytes long.
    package init(key: SecretBytes) throws(SecretsError) {
        guard key.count == Self.keyBytes else { throw SecretsError(.invalidKey, "expected a key of 32 bytes") }
        self.key = key
    }

    /// Reads the key from base64 (`FLORIN_MASTER_KEY`).
    package init(base64Key: String) throws(SecretsError) {
        try self.init(key: SecretBytes(base64: base64Key, count: Self.keyBytes))
    }

    /// A random nonce of 24 bytes, then the ciphertext with its 16 bytes of authentication.
    package func seal(_ message: [UInt8]) -> [UInt8] {
        let nonce = randomBytes(Self.nonceBytes)
        return nonce + seal(message, nonce: nonce)
    }

    /// The message of a box that `seal` made under the same key; throws `cannotOpen` for any other bytes.
    package func open(_ box: [UInt8]) throws(SecretsError) -> [UInt8] {
        guard box.count >= Self.nonceBytes + Self.overhead else { throw Self.cannotOpen }
        let ciphertext = Array(box[Self.nonceBytes...])
        var message = [UInt8](repeating: 0, count: ciphertext.count - Self.overhead)
        let status = unsafe key.withUnsafePointer { key in
            unsafe crypto_secretbox_open_easy(
                &message, ciphertext, UInt64(ciphertext.count), Array(box[..<Self.nonceBytes]),
                key)
        }
        guard status == 0 else { throw Self.cannotOpen }
        return message
    }

    func seal(_ message: [UInt8], nonce: [UInt8]) -> [UInt8] {
        var ciphertext = [UInt8](repeating: 0, count: message.count + Self.overhead)
        // Returns 0 always.
        unsafe key.withUnsafePointer { key in
            _ = unsafe crypto_secretbox_easy(
                &ciphertext, message, UInt64(message.count), nonce,
                key)
        }
        return ciphertext
    }

    private static var cannotOpen: SecretsError {
        SecretsError(.cannotOpen, "the box was not made under this key, or was changed")
    }
}
