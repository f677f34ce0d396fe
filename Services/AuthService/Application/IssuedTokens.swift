package import Chronology

/// What a client gets when it signs in or refreshes.
package struct IssuedTokens: Sendable, Hashable {
    package let accessToken: String
    /// How long the access token is good for.
    package let accessLifetime: Duration
    package let refreshToken: String
    /// How long the refresh token is good for.
    package let refreshLifetime: Duration
    package let sessionID: UUIDv7

    package init(
        accessToken: String, accessLifetime: Duration, refreshToken: String, refreshLifetime: Duration,
        sessionID: UUIDv7
    ) {
        self.accessToken = accessToken
        self.accessLifetime = accessLifetime
        self.refreshToken = refreshToken
        self.refreshLifetime = refreshLifetime
        self.sessionID = sessionID
    }
}
