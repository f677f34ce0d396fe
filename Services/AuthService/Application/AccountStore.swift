package import AuthDomain
package import Chronology
package import Idempotency

/// A one-time token that confirms an address, as it is stored and as it travels; the token itself is nowhere in it.
package struct VerificationTicket: Sendable, Hashable {
    /// SHA-256 of the token.
    package let digest: [UInt8]
    /// The token in a box that the event processor alone can open, base64url.
    package let sealedToken: String
    package let expiresAt: Timestamp

    package init(digest: [UInt8], sealedToken: String, expiresAt: Timestamp) {
        self.digest = digest
        self.sealedToken = sealedToken
        self.expiresAt = expiresAt
    }
}

/// An account to be made.
package struct Registration: Sendable, Hashable {
    package let user: User
    /// The encoded hash, with its parameters.
    package let passwordHash: String
    package let ticket: VerificationTicket

    package init(user: User, passwordHash: String, ticket: VerificationTicket) {
        self.user = user
        self.passwordHash = passwordHash
        self.ticket = ticket
    }
}

/// What a sign-in is checked against.
package struct Credential: Sendable, Hashable {
    package let user: User
    /// The encoded hash, with its parameters.
    package let passwordHash: String

    package init(user: User, passwordHash: String) {
        self.user = user
        self.passwordHash = passwordHash
    }
}

/// Where accounts are kept.
///
/// Every change is one transaction with its events. Each method throws the store's own error; retriable ones mean that it
/// is away.
package protocol AccountStore: Sendable {
    /// Keeps a new account and tells of it: `user_registered`, `email_verification_requested`.
    ///
    /// The receipt is kept either way. Where the address has an account already, that stays as it is, and the attempt is
    /// kept as an `AddressRequest`.
    ///
    /// - Returns: false where the address has an account already; then nothing is told.
    func register(_ registration: Registration, receipt: IdempotencyReceipt?) async throws -> Bool

    /// Keeps a ticket for an address that is not confirmed yet, and tells of it: `email_verification_requested`. A
    /// ticket that is kept already is not told of again.
    ///
    /// - Returns: false where there is nothing to confirm, or `VerificationLimit` is reached; then nothing happens.
    func requestVerification(
        of email: EmailAddress, _ ticket: VerificationTicket, at now: Timestamp
    ) async throws -> Bool

    /// Confirms the address that a ticket was made for, uses up all tickets of the user, and tells of it:
    /// `email_verified`. Of concurrent calls one succeeds.
    ///
    /// - Returns: false where the ticket is unknown, used or expired.
    func confirmEmail(digest: [UInt8], receipt: IdempotencyReceipt?, at now: Timestamp) async throws -> Bool

    /// What a sign-in with this address is checked against; nil where there is no such account.
    func credential(for email: EmailAddress) async throws -> Credential?

    /// Whether somebody has signed in to the account of an address from this network, as far as is remembered.
    func hasSignedIn(from network: ClientNetwork, to email: EmailAddress) async throws -> Bool

    func user(_ id: UUIDv7) async throws -> User?
}
