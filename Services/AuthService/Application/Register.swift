package import AuthDomain
package import Chronology
package import Idempotency
import Validation

/// Makes an account for an address that has none.
///
/// Nobody learns from the answer, or from the time it takes, whether the address had one: it is the same either way, and
/// the owner of an existing account is left alone.
package struct Register: Sendable {
    private let accounts: any AccountStore
    private let passwords: any PasswordHashing
    private let mint: any TokenMint
    private let clock: any WallClock

    package init(
        accounts: any AccountStore, passwords: any PasswordHashing, mint: any TokenMint, clock: any WallClock
    ) {
        self.accounts = accounts
        self.passwords = passwords
        self.mint = mint
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Returns: the user; where the address was known, one that looks the same and does not exist.
    /// - Throws: `ValidationFailure` for what breaks a rule, `AuthRefusal.overloaded`, else the store's error.
    package func callAsFunction(
        _ request: RegistrationRequest, receipt: (User) throws -> IdempotencyReceipt?
    ) async throws -> User {
        let now = clock.now().truncatedToMilliseconds
        let user = try request.user(at: now)
        let hash = try await passwords.hash(request.password)
        let ticket = try mint.verificationTicket(expiresAt: now + Lifetime.emailVerification)
        _ = try await accounts.register(
            Registration(user: user, passwordHash: hash, ticket: ticket), receipt: receipt(user))
        return user
    }
}
