import AuthDomain
package import Chronology
import Validation

/// Exchanges a refresh token for new tokens (RFC 9700, section 4.14).
///
/// Each token is replaced once. Whoever shows the one just replaced again gets the same successor, so that a lost answer or
/// two tabs of one browser cost nobody the session; whoever shows an older one has a copy, and the session ends.
package struct Refresh: Sendable {
    private let sessions: any SessionStore
    private let mint: any TokenMint
    private let accessTokens: any AccessTokens
    private let clock: any WallClock

    package init(
        sessions: any SessionStore, mint: any TokenMint, accessTokens: any AccessTokens, clock: any WallClock
    ) {
        self.sessions = sessions
        self.mint = mint
        self.accessTokens = accessTokens
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` without a token, `AuthRefusal`, else the store's error.
    package func callAsFunction(refreshToken text: String) async throws -> IssuedTokens {
        var validator = Validator()
        validator.require("refresh_token", text)
        try validator.check()
        guard let digest = mint.digest(of: text), let successor = mint.successor(of: text) else {
            throw AuthRefusal.invalidRefreshToken
        }
        let now = clock.now().truncatedToMilliseconds
        let stored = NewRefreshToken(digest: successor.digest, expiresAt: now + Lifetime.refreshToken)
        guard let presented = try await sessions.replace(digest: digest, with: stored, at: now) else {
            throw AuthRefusal.invalidRefreshToken
        }
        let token = presented.token
        switch token.presented(at: now) {
        case .refuse: throw AuthRefusal.invalidRefreshToken
        case .revokeFamily:
            _ = try await sessions.end(token.sessionID, of: token.userID, reason: .reuseDetected, at: now)
            throw AuthRefusal.invalidRefreshToken
        case .rotate:
            let grant = AccessGrant(userID: token.userID, sessionID: token.sessionID, roles: presented.roles)
            let expiry = min((token.replacedAt ?? now) + Lifetime.refreshToken, presented.sessionEnd)
            return IssuedTokens(
                accessToken: try await accessTokens.token(for: grant, at: now), accessLifetime: Lifetime.accessToken,
                refreshToken: successor.text,
                refreshLifetime: expiry - now, sessionID: token.sessionID)
        }
    }
}
