package import Chronology

/// The `Idempotency-Key` of a request, with what tells whether another request is the same.
package struct IdempotencyKey: Sendable, Hashable {
    /// Whose key it is; keys of different users have nothing to do with each other.
    package let userID: UUIDv7
    /// As the client chose it: 1 to 255 visible ASCII characters.
    package let key: String
    /// SHA-256 over method, path and body, in hexadecimal.
    package let fingerprint: String

    package init(userID: UUIDv7, key: String, fingerprint: String) {
        self.userID = userID
        self.key = key
        self.fingerprint = fingerprint
    }
}

/// The answer to a request, kept with its key.
///
/// A use case hands it to its repository, which writes it in the transaction of the effect: either both are there or
/// neither, whatever is killed when.
package struct IdempotencyReceipt: Sendable, Hashable {
    package let key: IdempotencyKey
    /// The answer as it goes over the wire.
    package let answer: [UInt8]

    package init(key: IdempotencyKey, answer: [UInt8]) {
        self.key = key
        self.answer = answer
    }
}
