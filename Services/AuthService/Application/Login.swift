import AuthDomain
package import Chronology
import Validation

/// Who calls, as the gateway sees it.
package struct ClientDescription: Sendable, Hashable {
    /// The client as it names itself; may be empty.
    package let device: String
    /// The address it calls from; may be empty.
    package let address: String

    package init(device: String, address: String) {
        self.device = device
        self.address = address
    }
}

/// Begins a session for whoever knows the password of an account.
package struct Login: Sendable {
    /// No password is longer: what is cut off here could not have been right.
    private static let longestPassword = PasswordPolicy.lengths.upperBound + 1

    private let accounts: any AccountStore
    private let sessions: any SessionStore
    private let passwords: any PasswordHashing
    private let mint: any TokenMint
    private let accessTokens: any AccessTokens
    private let clock: any WallClock

    package init(
        accounts: any AccountStore, sessions: any SessionStore, passwords: any PasswordHashing, mint: any TokenMint,
        accessTokens: any AccessTokens, clock: any WallClock
    ) {
        self.accounts = accounts
        self.sessions = sessions
        self.passwords = passwords
        self.mint = mint
        self.accessTokens = accessTokens
        self.clock = clock
    }

    /// - Throws: `ValidationFailure` for what is missing, `AuthRefusal`, else the store's error.
    package func callAsFunction(
        email: String, password: String, client: ClientDescription
    ) async throws -> IssuedTokens {
        var validator = Validator()
        validator.require("email", email)
        validator.require("password", password)
        try validator.check()
        let (user, newHash) = try await authenticate(email, password)

        let now = clock.now().truncatedToMilliseconds
        let session = Session(startingFor: user.id, client: client.device, address: client.address, at: now)
        let refreshToken = mint.refreshToken()
        let grant = AccessGrant(userID: user.id, sessionID: session.id, roles: user.roles)
        // Signed first: a session nobody has a token of would be listed for a week.
        let accessToken = try await accessTokens.token(for: grant, at: now)
        let stored = NewRefreshToken(digest: refreshToken.digest, expiresAt: now + Lifetime.refreshToken)
        guard try await sessions.open(session, refreshToken: stored, passwordHash: newHash) else {
            throw AuthRefusal.invalidCredentials
        }
        return IssuedTokens(
            accessToken: accessToken, accessLifetime: Lifetime.accessToken, refreshToken: refreshToken.text,
            refreshLifetime: Lifetime.refreshToken, sessionID: session.id)
    }

    private func authenticate(_ email: String, _ password: String) async throws -> (User, newHash: String?) {
        var credential: Credential?
        if let address = EmailAddress(email) { credential = try await accounts.credential(for: address) }
        let password = String(String.UnicodeScalarView(password.unicodeScalars.prefix(Self.longestPassword)))
        let verdict = try await passwords.check(password, against: credential?.passwordHash)
        guard let credential, case .right(let newHash) = verdict else { throw AuthRefusal.invalidCredentials }
        return (credential.user, newHash)
    }
}
