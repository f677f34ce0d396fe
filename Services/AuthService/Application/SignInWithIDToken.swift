package import AuthDomain
package import Chronology
package import Idempotency
import Validation

/// The issuers whose word is taken for who somebody is.
package protocol IdentityProviders: Sendable {
    /// Whom an ID token is about.
    ///
    /// - Parameters:
    ///   - provider: a configured name.
    ///   - nonce: what the client sent to the issuer; nil where it sent none.
    /// - Throws: `AuthRefusal.unknownProvider`, `AuthRefusal.invalidIDToken`, `AuthRefusal.providerUnavailable`.
    func identity(of token: String, from provider: String, nonce: String?) async throws -> ExternalIdentity
}

/// What became of somebody who signs in by an issuer's word for the first time.
package enum IdentityLink: Sendable, Hashable {
    /// They are this user from now on: a new one, or the one whose confirmed address it is.
    case user(User)
    /// There is an account of that address whose owner has not confirmed it: it may be somebody else's.
    case addressUnconfirmed
}

/// Where it is kept whom an issuer's subjects are here.
///
/// Every change is one transaction with its events. Each method throws the store's own error.
package protocol IdentityStore: Sendable {
    /// The user that a subject is; nil where it is none yet.
    func user(of identity: ExternalIdentity) async throws -> User?

    /// Makes a subject the user whose confirmed address it has, or a new user, who has no password; of a new one it tells:
    /// `user_registered`, `email_verified`. Of concurrent calls one links, and all return the same user.
    ///
    /// - Parameter newcomer: the new user, with the address that the issuer vouches for.
    func link(_ identity: ExternalIdentity, or newcomer: User, at now: Timestamp) async throws -> IdentityLink
}

/// Signs in whoever shows an ID token of a configured issuer.
///
/// Accounts are found by issuer and subject. The address of a token leads to an account once, and only where both the issuer
/// and the account's owner have confirmed it: otherwise whoever registers somebody else's address, here or there, would get
/// into their account later.
package struct SignInWithIDToken: Sendable {
    private let providers: any IdentityProviders
    private let store: any IdentityStore
    private let opening: SessionOpening
    private let clock: any WallClock

    package init(
        providers: any IdentityProviders, store: any IdentityStore, opening: SessionOpening, clock: any WallClock
    ) {
        self.providers = providers
        self.store = store
        self.opening = opening
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: `ValidationFailure` without a token, `AuthRefusal`, else the store's error.
    package func callAsFunction(
        provider: String, idToken: String, nonce: String?, client: ClientDescription,
        receipt: (SignInOutcome) throws -> IdempotencyReceipt? = { _ in nil }
    ) async throws -> SignInOutcome {
        var validator = Validator()
        validator.require("id_token", idToken)
        try validator.check()
        let identity = try await providers.identity(of: idToken, from: provider, nonce: nonce)
        return try await opening.firstFactorPassed(by: user(of: identity), client: client, receipt: receipt)
    }

    private func user(of identity: ExternalIdentity) async throws -> User {
        if let user = try await store.user(of: identity) { return user }
        let now = clock.now().truncatedToMilliseconds
        guard let newcomer = identity.user(at: now) else { throw AuthRefusal.emailNotVerified }
        switch try await store.link(identity, or: newcomer, at: now) {
        case .user(let user): return user
        case .addressUnconfirmed: throw AuthRefusal.addressUnconfirmed
        }
    }
}
