import AuthDomain
package import Chronology
package import Idempotency
import Validation

/// Sets a new password by the token of the mail. Every session ends; a second factor stays.
package struct ResetPassword: Sendable {
    private let store: any PasswordStore
    private let passwords: any PasswordHashing
    private let mint: any TokenMint
    private let clock: any WallClock

    package init(
        store: any PasswordStore, passwords: any PasswordHashing, mint: any TokenMint, clock: any WallClock
    ) {
        self.store = store
        self.passwords = passwords
        self.mint = mint
        self.clock = clock
    }

    /// A password that is refused does not use up the token.
    ///
    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: `ValidationFailure`, `AuthRefusal.invalidToken`, `AuthRefusal.overloaded`, else the store's error.
    package func callAsFunction(token: String, new: String, receipt: IdempotencyReceipt? = nil) async throws {
        var validator = Validator()
        validator.require("token", token)
        try validator.check()
        // Looked up before anything is hashed: made-up tokens cost no work.
        guard let digest = mint.digest(of: token),
            let user = try await store.userResetting(by: digest, at: clock.now())
        else { throw AuthRefusal.invalidToken }
        PasswordPolicy.check("new_password", new, email: user.email, &validator)
        try validator.check()
        let hash = try await passwords.hash(new)
        guard
            try await store.resetPassword(
                by: digest, to: hash, receipt: receipt, at: clock.now().truncatedToMilliseconds)
        else { throw AuthRefusal.invalidToken }
    }
}
