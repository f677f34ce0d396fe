package import AuthDomain
package import Chronology
package import Idempotency

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

/// A secret that waits for its first code.
package struct PendingTotp: Sendable, Hashable {
    package let sealedSecret: [UInt8]
    package let createdAt: Timestamp

    package init(sealedSecret: [UInt8], createdAt: Timestamp) {
        self.sealedSecret = sealedSecret
        self.createdAt = createdAt
    }
}

/// Whether a code may be tried with a challenge.
package enum MfaAttempt: Sendable, Hashable {
    /// It may, and has been counted as a failure already.
    case allowed(userID: UUIDv7, roles: [Role], sealedSecret: [UInt8])
    /// Too many codes of the authenticator were wrong; nothing has been counted.
    case blocked(until: Timestamp)
}

/// What finishes a sign-in.
package enum MfaProof: Sendable, Hashable {
    /// The code of this time step.
    case totp(step: Int64)
    /// The recovery code with this digest.
    case recoveryCode(digest: [UInt8])
}

/// Where second factors are kept, and sign-ins that wait for them.
///
/// Every change is one transaction with its events. Each method throws the store's own error; retriable ones mean that it
/// is away.
package protocol MfaStore: Sendable {
    /// Keeps a challenge.
    ///
    /// - Parameter passwordHash: replaces the user's; nil leaves it.
    func open(_ challenge: MfaChallenge, passwordHash: String?, receipt: IdempotencyReceipt?) async throws

    /// Keeps a secret that waits for its first code, in the place of another such one.
    ///
    /// - Returns: false where the user has a second factor already, or is gone; then nothing happens.
    func begin(_ totp: PendingTotp, of userID: UUIDv7, receipt: IdempotencyReceipt?) async throws -> Bool

    /// The secret that waits for its first code; nil where there is none.
    func pendingTotp(of userID: UUIDv7) async throws -> PendingTotp?

    /// Turns the second factor on, and tells of it: `mfa_changed`.
    ///
    /// - Parameters:
    ///   - totp: the secret that the code was checked with.
    ///   - step: the time step of the code, which is used up by it.
    /// - Returns: false where another secret waits by now, or none; then nothing happens.
    func confirm(
        _ totp: PendingTotp, of userID: UUIDv7, step: Int64, recoveryCodes: [[UInt8]], receipt: IdempotencyReceipt?,
        at now: Timestamp
    ) async throws -> Bool

    /// Turns the second factor off, and tells of it: `mfa_changed`. Sign-ins that wait for a code wait in vain.
    ///
    /// - Returns: false where there is none; then nothing happens.
    func removeTotp(of userID: UUIDv7, receipt: IdempotencyReceipt?, at now: Timestamp) async throws -> Bool

    /// Keeps these recovery codes and forgets the others, and tells of it: `mfa_changed`.
    ///
    /// - Returns: false where there is no second factor; then nothing happens.
    func replaceRecoveryCodes(
        of userID: UUIDv7, with digests: [[UInt8]], receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool

    /// Counts an attempt before its code is looked at, so that attempts at the same time are no way around the limits of
    /// `MfaLimit`: the challenge's, and for a code of the authenticator the account's.
    ///
    /// - Returns: nil where the challenge is unknown, expired, used, or has had its attempts, where the password was changed
    ///   since, and where the user has no second factor any more.
    func attempt(_ factor: SecondFactor, with digest: [UInt8], at now: Timestamp) async throws -> MfaAttempt?

    /// Uses up the challenge and the proof, begins the session, and tells of it: `user_logged_in`, and `mfa_changed` for a
    /// recovery code. Of concurrent calls with one challenge or one proof one succeeds. The failures are forgotten.
    ///
    /// - Returns: false where the challenge or the proof was used before, or the user is gone or locked; then nothing
    ///   happens.
    func finish(
        _ digest: [UInt8], with proof: MfaProof, opening session: Session, refreshToken: NewRefreshToken,
        receipt: IdempotencyReceipt?
    ) async throws -> Bool
}
