package import AuthDomain
package import Chronology
package import Idempotency

/// Where passwords are kept.
///
/// Every change is one transaction with its events. Each method throws the store's own error; retriable ones mean that it
/// is away.
package protocol PasswordStore: Sendable {
    /// What the caller's password is checked against; nil where the account is gone or has none.
    func credential(of userID: UUIDv7) async throws -> Credential?

    /// Replaces a hash, ends every other session, uses up what could reset the password, and tells of it:
    /// `sessions_revoked` where a session ended, `password_changed`.
    ///
    /// - Parameters:
    ///   - known: the hash that the present password was checked against.
    ///   - session: the one that goes on.
    /// - Returns: false where the hash is another one by now; then nothing happens.
    func changePassword(
        of userID: UUIDv7, from known: String, to hash: String, keeping session: UUIDv7,
        receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool

    /// Keeps a ticket to reset the password of an address, and tells of it: `password_reset_requested`. A ticket that is
    /// kept already is not told of again.
    ///
    /// - Returns: false where there is no such account, or `PasswordResetLimit` is reached; then nothing happens.
    func requestPasswordReset(
        of email: EmailAddress, _ ticket: VerificationTicket, at now: Timestamp
    ) async throws -> Bool

    /// Whose password a ticket resets; nil where it is unknown, used or expired.
    func userResetting(by digest: [UInt8], at now: Timestamp) async throws -> User?

    /// Uses up a ticket and sets the hash, ends every session, and tells of it: `sessions_revoked` where a session ended,
    /// `password_changed`. Of concurrent calls one succeeds.
    ///
    /// - Returns: false where the ticket is unknown, used or expired.
    func resetPassword(
        by digest: [UInt8], to hash: String, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool
}
