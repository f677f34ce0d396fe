import AuthDomain
package import Chronology
package import Idempotency
import Validation

/// Replaces the caller's password by another one. The session that does it goes on, every other one ends.
package struct ChangePassword: Sendable {
    private let store: any PasswordStore
    private let passwords: any PasswordHashing
    private let checks: ThrottledPasswords
    private let clock: any WallClock

    package init(
        store: any PasswordStore, passwords: any PasswordHashing, checks: ThrottledPasswords, clock: any WallClock
    ) {
        self.store = store
        self.checks = checks
        self.passwords = passwords
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: `ValidationFailure` for a new password that breaks a rule, `AuthRefusal`, else the store's error.
    package func callAsFunction(
        caller: UUIDv7, sessionID: UUIDv7?, current: String, new: String, receipt: IdempotencyReceipt? = nil
    ) async throws {
        guard let sessionID else { throw AuthRefusal.noSession }
        var validator = Validator()
        validator.require("current_password", current)
        guard let credential = try await store.credential(of: caller) else { throw AuthRefusal.unknownUser }
        PasswordPolicy.check("new_password", new, email: credential.user.email, &validator)
        try validator.check()
        let verdict = try await checks.check(
            current, against: credential.passwordHash, countingFor: [.proof(caller)])
        guard case .right = verdict else { throw AuthRefusal.wrongPassword }
        let hash = try await passwords.hash(new)
        let isChanged = try await store.changePassword(
            of: caller, from: credential.passwordHash, to: hash, keeping: sessionID, receipt: receipt,
            at: clock.now().truncatedToMilliseconds)
        // Another change came first: what was current is not any more.
        if !isChanged { throw AuthRefusal.wrongPassword }
    }
}
