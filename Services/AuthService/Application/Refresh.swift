import AuthDomain
package import Chronology
package import Idempotency
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
        let exchange = try exchange(of: text)
        let presented = try await sessions.replace(
            digest: exchange.digest, with: exchange.successor, at: exchange.now)
        guard let presented, case .rotate = presented.token.presented(at: exchange.now) else {
            throw try await refusal(of: presented, at: exchange.now)
        }
        return try await tokens(for: presented, exchange)
    }

    /// As without a receipt; the answer is signed before anything is committed, so that it can be kept with its effect.
    ///
    /// - Parameter receipt: what is to be kept of the answer.
    package func callAsFunction(
        refreshToken text: String, receipt: (IssuedTokens) throws -> IdempotencyReceipt?
    ) async throws -> IssuedTokens {
        let exchange = try exchange(of: text)
        var issued: IssuedTokens?
        let presented = try await sessions.replace(
            digest: exchange.digest, with: exchange.successor, at: exchange.now
        ) { presented in
            guard case .rotate = presented.token.presented(at: exchange.now) else { return nil }
            let tokens = try await tokens(for: presented, exchange)
            issued = tokens
            return try receipt(tokens)
        }
        guard let issued else { throw try await refusal(of: presented, at: exchange.now) }
        return issued
    }

    /// A token that is to be exchanged now, and what for.
    private struct Exchange {
        let digest: [UInt8]
        let successor: NewRefreshToken
        let successorText: String
        let now: Timestamp
    }

    private func exchange(of text: String) throws -> Exchange {
        var validator = Validator()
        validator.require("refresh_token", text)
        try validator.check()
        guard let digest = mint.digest(of: text), let successor = mint.successor(of: text) else {
            throw AuthRefusal.invalidRefreshToken
        }
        let now = clock.now().truncatedToMilliseconds
        return Exchange(
            digest: digest,
            successor: NewRefreshToken(digest: successor.digest, expiresAt: now + Lifetime.refreshToken),
            successorText: successor.text, now: now)
    }

    private func tokens(for presented: PresentedRefreshToken, _ exchange: Exchange) async throws -> IssuedTokens {
        let (token, now) = (presented.token, exchange.now)
        let grant = AccessGrant(userID: token.userID, sessionID: token.sessionID, roles: presented.roles)
        let expiry = min((token.replacedAt ?? now) + Lifetime.refreshToken, presented.sessionEnd)
        return IssuedTokens(
            accessToken: try await accessTokens.token(for: grant, at: now), accessLifetime: Lifetime.accessToken,
            refreshToken: exchange.successorText, refreshLifetime: expiry - now, sessionID: token.sessionID)
    }

    /// Why there is nothing for a token that is not exchanged; ends the session of one that somebody has a copy of.
    private func refusal(of presented: PresentedRefreshToken?, at now: Timestamp) async throws -> AuthRefusal {
        if let token = presented?.token, case .revokeFamily = token.presented(at: now) {
            _ = try await sessions.end(
                token.sessionID, of: token.userID, reason: .reuseDetected, receipt: nil, at: now)
        }
        return .invalidRefreshToken
    }
}
