internal import CSodium

/// Anonymous public-key encryption (X25519, XSalsa20-Poly1305): whoever knows the public key seals, the private key
/// alone opens.
package enum SealedBox {
    private static let keyBytes = Int(crypto_box_PUBLICKEYBYTES)
    private static let overhead = Int(crypto_box_PUBLICKEYBYTES + crypto_box_MACBYTES)

    /// What messages are sealed to.
    package struct PublicKey: Sendable, Hashable {
        /// The point, 32 bytes.
        package let bytes: [UInt8]

        /// Throws `invalidKey` for another length than 32 bytes.
        package init(bytes: [UInt8]) throws(SecretsError) {
            guard bytes.count == keyBytes else { throw SecretsError(.invalidKey, "expected a key of 32 bytes") }
            self.bytes = bytes
        }

        /// Reads strict base64 of 32 bytes (`FLORIN_SEAL_PUBLIC_KEY`).
        package init(base64: String) throws(SecretsError) {
            try self.init(bytes: Base64.decode(base64))
        }

        /// The key in the form that `init(base64:)` reads.
        package var base64: String { Base64.encode(bytes) }
    }

    /// What opens messages; the public key follows from it.
    package struct PrivateKey: Sendable {
        /// What messages for this key are sealed to.
        package let publicKey: PublicKey
        let secret: SecretBytes

        /// A new random key.
        package init() throws(SecretsError) {
            try self.init(secret: .random(count: keyBytes))
        }

        /// Throws `invalidKey` for another length than 32 bytes.
        package init(secret: SecretBytes) throws(SecretsError) {
            guard secret.count == keyBytes else { throw SecretsError(.invalidKey, "expected a key of 32 bytes") }
            var point = [UInt8](repeating: 0, count: keyBytes)
            let status = unsafe secret.withUnsafePointer { secret in
                unsafe crypto_scalarmult_base(&point, secret)
            }
            guard status == 0 else { throw SecretsError(.invalidKey, "the key has no public key") }
            self.secret = secret
            publicKey = try PublicKey(bytes: point)
        }

        /// Reads strict base64 of 32 bytes (`FLORIN_SEAL_PRIVATE_KEY`).
        package init(base64: String) throws(SecretsError) {
            try self.init(secret: SecretBytes(base64: base64, count: keyBytes))
        }

        /// The key itself, for configuration files and nothing else.
        package func revealedBase64() -> String { Base64.encode(secret.revealed()) }
    }

    /// The message in a box of 48 bytes more.
    ///
    /// Throws `invalidKey` for a point of low order, to which nothing can be sealed.
    package static func seal(_ message: [UInt8], to key: PublicKey) throws(SecretsError) -> [UInt8] {
        Sodium.start()
        var box = [UInt8](repeating: 0, count: message.count + overhead)
        guard unsafe crypto_box_seal(&box, message, UInt64(message.count), key.bytes) == 0 else {
            throw SecretsError(.invalidKey, "no message can be sealed to this key")
        }
        return box
    }

    /// The message of a box that was sealed to the key's public key; throws `cannotOpen` for any other bytes.
    package static func open(_ box: [UInt8], with key: PrivateKey) throws(SecretsError) -> [UInt8] {
        let failure = SecretsError(.cannotOpen, "the box was not sealed to this key, or was changed")
        guard box.count >= overhead else { throw failure }
        var message = [UInt8](repeating: 0, count: box.count - overhead)
        let status = unsafe key.secret.withUnsafePointer { secret in
            unsafe crypto_box_seal_open(
                &message, box, UInt64(box.count), key.publicKey.bytes,
                secret)
        }
        guard status == 0 else { throw failure }
        return message
    }
}
