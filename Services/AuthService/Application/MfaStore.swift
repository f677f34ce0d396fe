package import Chronology

/// A sign-in that waits for its second factor, as it is stored.
package struct MfaChallenge: Sendable, Hashable {
    /// SHA-256 of what the client sends with the code.
    package let digest: [UInt8]
    package let userID: UUIDv7
    package let createdAt: Timestamp
    package let expiresAt: Timestamp

    package init(digest: [UInt8], userID: UUIDv7, createdAt: Timestamp, expiresAt: Timestamp) {
        self.digest = digest
        self.userID = userID
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// Where second factors are kept, and sign-ins that wait for them.
///
/// Each method throws the store's own error; retriable ones mean that it is away.
package protocol MfaStore: Sendable {
    /// Keeps a challenge.
    ///
    /// - Parameter passwordHash: replaces the user's; nil leaves it.
    func open(_ challenge: MfaChallenge, passwordHash: String?) async throws
}
