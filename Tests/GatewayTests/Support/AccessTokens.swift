import Chronology
import Contracts
import Secrets
import Tokens

/// Tokens as the auth service makes them, with a key of the tests' own.
struct AccessTokens: Sendable {
    static let issuer = "https://florin.example"
    static let scopes = ["profile:read", "expenses:read", "expenses:write", "portfolio:write", "events:read"]
    /// Made once: a key takes long to find.
    static let shared: Result<AccessTokens, any Error> = Result { AccessTokens(key: try RSAPrivateKey.generate()) }

    private let key: RSAPrivateKey

    init(key: RSAPrivateKey) { self.key = key }

    /// The key as the auth service publishes it.
    func published(id: String = "k1") -> JsonWebKey {
        JsonWebKey(
            kty: "RSA", kid: id, use: "sig", alg: "RS256", n: Base64URL.encode(key.publicKey.modulus),
            e: Base64URL.encode(key.publicKey.exponent))
    }

    func make(
        user: UUIDv7 = .make(), session: UUIDv7 = .make(), roles: [String] = ["user"], scopes: [String] = Self.scopes,
        lifetime: Duration = .seconds(900), keyID: String = "k1", issuer: String = Self.issuer
    ) throws -> String {
        let now = SystemClock().now()
        let identity = Identity(
            userID: user, sessionID: session, scopes: scopes, roles: roles, expiresAt: now + lifetime)
        let issued = min(now, now + lifetime - .seconds(1))
        return try JWTSigner(key: key, keyID: keyID, issuer: issuer).sign(
            AccessTokenClaims(identity: identity, tokenID: .make(), issuedAt: issued))
    }
}
