package import AuthDomain
package import Chronology
package import Idempotency

/// What a sign-in gives.
package enum SignInOutcome: Sendable, Hashable {
    case tokens(IssuedTokens)
    /// A code is still to be sent, with this challenge; there are no tokens of any kind before.
    case secondFactorRequired(challenge: String)
}

/// Goes on with a sign-in whose first factor was right, whichever it was: a password, or the ID token of somebody else.
package struct SessionOpening: Sendable {
    private let sessions: any SessionStore
    private let challenges: any MfaStore
    private let mint: any TokenMint
    private let accessTokens: any AccessTokens
    private let clock: any WallClock

    package init(
        sessions: any SessionStore, challenges: any MfaStore, mint: any TokenMint, accessTokens: any AccessTokens,
        clock: any WallClock
    ) {
        self.sessions = sessions
        self.challenges = challenges
        self.mint = mint
        self.accessTokens = accessTokens
        self.clock = clock
    }

    /// Begins a session, or asks for the second factor where the user has one.
    ///
    /// - Parameters:
    ///   - passwordHash: replaces the user's; nil leaves it.
    ///   - provenHash: what the password was checked against; nil where the first factor was no password.
    ///   - receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: `AuthRefusal.accountLocked`, `AuthRefusal.invalidCredentials` where the user is gone meanwhile, what signing
    ///   throws, else the store's error.
    package func firstFactorPassed(
        by user: User, client: ClientDescription, passwordHash: String? = nil, provenHash: String? = nil,
        receipt: (SignInOutcome) throws -> IdempotencyReceipt? = { _ in nil }
    ) async throws -> SignInOutcome {
        guard user.status == .active else { throw AuthRefusal.accountLocked }
        let now = clock.now().truncatedToMilliseconds
        guard user.mfaEnabled else {
            let prepared = try await prepare(for: user.id, roles: user.roles, client: client, at: now)
            guard
                try await sessions.open(
                    prepared.session, refreshToken: prepared.refreshToken, passwordHash: passwordHash,
                    provenHash: provenHash, receipt: receipt(.tokens(prepared.tokens)))
            else { throw AuthRefusal.invalidCredentials }
            return .tokens(prepared.tokens)
        }
        let challenge = mint.opaqueToken()
        let outcome = SignInOutcome.secondFactorRequired(challenge: challenge.text)
        try await challenges.open(
            MfaChallenge(
                digest: challenge.digest, userID: user.id, createdAt: now, expiresAt: now + Lifetime.mfaChallenge),
            passwordHash: passwordHash, receipt: receipt(outcome))
        return outcome
    }

    /// A session that is to be stored, with what its owner gets then.
    struct Prepared {
        let session: Session
        let refreshToken: NewRefreshToken
        let tokens: IssuedTokens
    }

    /// Makes the tokens of a session. They are signed before it is stored: a session nobody has a token of would be listed
    /// for a week.
    func prepare(
        for userID: UUIDv7, roles: [Role], client: ClientDescription, at now: Timestamp
    ) async throws -> Prepared {
        let session = Session(startingFor: userID, client: client.device, address: client.address, at: now)
        let refreshToken = mint.refreshToken()
        let accessToken = try await accessTokens.token(
            for: AccessGrant(userID: userID, sessionID: session.id, roles: roles), at: now)
        return Prepared(
            session: session,
            refreshToken: NewRefreshToken(digest: refreshToken.digest, expiresAt: now + Lifetime.refreshToken),
            tokens: IssuedTokens(
                accessToken: accessToken, accessLifetime: Lifetime.accessToken, refreshToken: refreshToken.text,
                refreshLifetime: Lifetime.refreshToken, sessionID: session.id))
    }
}
