package import Chronology
package import GRPC
package import Idempotency
package import Secrets
import ServiceRuntime

/// Whose the `Idempotency-Key` of a registration is, as nobody is signed in yet: the address's.
///
/// What is kept of the request is keyed. Its fingerprint covers a password, and a plain SHA-256 of it would be a way to try
/// out passwords that is much quicker than the one that Argon2id leaves.
package struct RegistrationKeys: Sendable {
    private let secret: SecretBytes

    package init(secret: SecretBytes) {
        self.secret = secret
    }

    /// The key of a call; nil where it has none.
    package func key(email: String, metadata: GRPCMetadata) -> IdempotencyKey? {
        guard let key = metadata[IdempotentCalls.keyMetadata],
            let fingerprint = metadata[IdempotentCalls.fingerprintMetadata]
        else { return nil }
        return IdempotencyKey(
            userID: owner(of: email.lowercased()), key: key, fingerprint: Hex.encode(digest(of: fingerprint)))
    }

    /// Whose the keys of an address are: an identifier that is always the same for an address and tells nothing of it.
    ///
    /// - Parameter address: in lower case.
    package func owner(of address: String) -> UUIDv7 {
        let number = digest(of: address).prefix(16).reduce(into: (high: UInt64(0), low: UInt64(0))) { number, byte in
            number = (number.high << 8 | number.low >> 56, number.low << 8 | UInt64(byte))
        }
        return UUIDv7(
            at: Timestamp(millisecondsSinceEpoch: Int64(number.high >> 16)),
            randomA: UInt16(truncatingIfNeeded: number.high), randomB: number.low)
    }

    private func digest(of text: String) -> [UInt8] { hmacSHA256(Array(text.utf8), key: secret.revealed()) }
}
