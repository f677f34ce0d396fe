package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

/// A refresh token to be kept: never itself, only its SHA-256.
package struct NewRefreshToken: Sendable, Hashable {
    package let digest: [UInt8]
    package let expiresAt: Timestamp

    package init(digest: [UInt8], expiresAt: Timestamp) {
        self.digest = digest
        self.expiresAt = expiresAt
    }
}

/// A presented refresh token as it is after the attempt to replace it, and what its owner may do.
package struct PresentedRefreshToken: Sendable, Hashable {
    package let token: StoredRefreshToken
    package let roles: [Role]
    /// When the session will be over at the latest: no token of it is good for longer.
    package let sessionEnd: Timestamp

    package init(token: StoredRefreshToken, roles: [Role], sessionEnd: Timestamp) {
        self.token = token
        self.roles = roles
        self.sessionEnd = sessionEnd
    }
}

/// Where sessions and their refresh tokens are kept.
///
/// Every change is one transaction with its events. Each method throws the store's own error; retriable ones mean that it
/// is away.
package protocol SessionStore: Sendable {
    /// Begins a session and tells of it: `user_logged_in`.
    ///
    /// - Parameters:
    ///   - passwordHash: replaces the user's; nil leaves it.
    ///   - provenHash: what the password was checked against; nil where it was no password that opened the session.
    /// - Returns: false where the user is gone or locked, or has another hash by now; then nothing happens.
    func open(
        _ session: Session, refreshToken: NewRefreshToken, passwordHash: String?, provenHash: String?,
        receipt: IdempotencyReceipt?
    ) async throws -> Bool

    /// Replaces a refresh token, unless it was replaced before, has expired, or its session has ended. Of concurrent calls
    /// with one token one replaces it. No successor outlives `Lifetime.session` from the session's beginning.
    ///
    /// - Returns: the token as it is afterwards; nil where it is unknown.
    func replace(
        digest: [UInt8], with successor: NewRefreshToken, at now: Timestamp
    ) async throws -> PresentedRefreshToken?

    /// As `replace(digest:with:at:)`, in a transaction that keeps a receipt too.
    ///
    /// - Parameter receipt: of the answer, made of the token as it is afterwards; what it throws undoes the replacement.
    func replace(
        digest: [UInt8], with successor: NewRefreshToken, at now: Timestamp,
        receipt: (PresentedRefreshToken) async throws -> IdempotencyReceipt?
    ) async throws -> PresentedRefreshToken?

    /// Ends a session and tells of it: `sessions_revoked`.
    ///
    /// - Returns: false where the user has no such session that has not ended; then nothing happens.
    func end(
        _ sessionID: UUIDv7, of userID: UUIDv7, reason: SessionEnd, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool

    /// Ends every session of a user but one, and tells of it: `sessions_revoked`, a thousand sessions an event.
    ///
    /// - Parameter receipt: of the answer, also where none ended.
    /// - Returns: whether one ended.
    func endAll(
        of userID: UUIDv7, except kept: UUIDv7?, reason: SessionEnd, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool

    /// The user's sessions that have neither ended nor run out, newest first; the cursor's only key is the id.
    func sessions(of userID: UUIDv7, _ page: PageRequest, at now: Timestamp) async throws -> Page<Session>
}

extension SessionStore {
    /// Begins a session that no password opened.
    package func open(
        _ session: Session, refreshToken: NewRefreshToken, passwordHash: String?
    ) async throws -> Bool {
        try await open(
            session, refreshToken: refreshToken, passwordHash: passwordHash, provenHash: nil, receipt: nil)
    }
}
