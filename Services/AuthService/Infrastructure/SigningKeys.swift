package import AuthApplication
import AuthDomain
package import Chronology
package import EventLoop
import Secrets
import Synchronization
import Tokens

/// The keys that access tokens are signed with, opened; the newest signs.
package final class SigningKeys: AccessTokens {
    private let issuer: String
    private let threads: OffloadPool
    private let signers = Mutex<[JWTSigner]>([])

    /// - Parameters:
    ///   - issuer: the public address of this system.
    ///   - threads: does the signing: each signature takes more than a millisecond.
    package init(issuer: String, threads: OffloadPool) {
        self.issuer = issuer
        self.threads = threads
    }

    /// Uses these keys from now on, the first to sign.
    func use(_ keys: [(id: String, key: RSAPrivateKey)]) {
        let made = keys.map { JWTSigner(key: $0.key, keyID: $0.id, issuer: issuer) }
        signers.withLock { $0 = made }
    }

    package func token(for grant: AccessGrant, at now: Timestamp) async throws -> String {
        guard let signer = signers.withLock({ $0.first }) else { throw AuthRefusal.keysUnavailable }
        let identity = Identity(
            userID: grant.userID, sessionID: grant.sessionID, scopes: grant.scopes.map(\.rawValue),
            roles: grant.roles.map(\.rawValue), expiresAt: now + Lifetime.accessToken)
        let claims = AccessTokenClaims(identity: identity, tokenID: .make(), issuedAt: now)
        return try await threads.refusingOverload { try signer.sign(claims) }
    }

    package var publishedKeys: [PublishedKey] {
        signers.withLock { $0 }.map { signer in
            let entry = signer.publishedKey
            return PublishedKey(
                id: entry.id, modulus: Base64URL.encode(entry.publicKey.modulus),
                exponent: Base64URL.encode(entry.publicKey.exponent))
        }
    }
}
