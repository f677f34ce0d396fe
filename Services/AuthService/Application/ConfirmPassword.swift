package import AuthDomain
package import Chronology
import Validation

/// Has the caller prove anew who they are, before what nobody with a stolen session may do.
package struct ConfirmPassword: Sendable {
    private let store: any PasswordStore
    private let passwords: ThrottledPasswords

    package init(store: any PasswordStore, passwords: ThrottledPasswords) {
        self.store = store
        self.passwords = passwords
    }

    /// - Throws: `ValidationFailure` without a password, `AuthRefusal.wrongPassword`, `AuthRefusal.unknownUser`,
    ///   `AuthRefusal.tooManyAttempts`, `AuthRefusal.overloaded`, else the store's error.
    package func callAsFunction(caller: UUIDv7, password: String) async throws -> User {
        var validator = Validator()
        validator.require("password", password)
        try validator.check()
        guard let credential = try await store.credential(of: caller) else { throw AuthRefusal.unknownUser }
        let verdict = try await passwords.check(
            password, against: credential.passwordHash, countingFor: [.proof(caller)])
        guard case .right = verdict else { throw AuthRefusal.wrongPassword }
        return credential.user
    }
}
