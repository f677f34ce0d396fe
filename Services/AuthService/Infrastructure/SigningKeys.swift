package import AuthApplication
import AuthDomain
package import Chronology
package import EventLoop
import Secrets
import Synchronization
import Tokens

/// The keys that access tokens are signed with, opened.
package final class SigningKeys: AccessTokens {
    private struct Held {
        var plan = SigningKeyPlan([])
        var signers: [String: JWTSigner] = [:]
    }

    private let issuer: String
    private let threads: OffloadPool
    private let clock: any WallClock
    private let held = Mutex(Held())

    /// - Parameters:
    ///   - issuer: the public address of this system.
    ///   - threads: does the signing: each signature takes more than a millisecond.
    ///   - clock: says which key's time has come.
    package init(issuer: String, threads: OffloadPool, clock: any WallClock = SystemClock()) {
        self.issuer = issuer
        self.threads = threads
        self.clock = clock
    }

    /// Uses these keys from now on.
    func use(_ keys: [(times: SigningKeyTimes, key: RSAPrivateKey)]) {
        let signers = keys.map { ($0.times.id, JWTSigner(key: $0.key, keyID: $0.times.id, issuer: issuer)) }
        let plan = SigningKeyPlan(keys.map(\.times))
        held.withLock { $0 = Held(plan: plan, signers: Dictionary(uniqueKeysWithValues: signers)) }
    }

    /// The names of the keys in use.
    var names: Set<String> { held.withLock { Set($0.signers.keys) } }

    package func token(for grant: AccessGrant, at now: Timestamp) async throws -> String {
        let present = clock.now()
        let signer = held.withLock { held in held.plan.signing(at: present).flatMap { held.signers[$0] } }
        guard let signer else { throw AuthRefusal.keysUnavailable }
        let identity = Identity(
            userID: grant.userID, sessionID: grant.sessionID, scopes: grant.scopes.map(\.rawValue),
            roles: grant.roles.map(\.rawValue), expiresAt: now + Lifetime.accessToken)
        let claims = AccessTokenClaims(identity: identity, tokenID: .make(), issuedAt: now)
        return try await threads.refusingOverload { try signer.sign(claims) }
    }

    package var publishedKeys: [PublishedKey] {
        let present = clock.now()
        return held.withLock { held in
            held.plan.published(at: present).compactMap { held.signers[$0]?.publishedKey }
        }.map { entry in
            PublishedKey(
                id: entry.id, modulus: Base64URL.encode(entry.publicKey.modulus),
                exponent: Base64URL.encode(entry.publicKey.exponent))
        }
    }
}
