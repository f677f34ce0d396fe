package import AuthDomain
package import Chronology
import Validation

/// Has the caller prove anew who they are, before what nobody with a stolen session may do.
package struct ConfirmPassword: Sendable {
    private let store: any PasswordStore
    private let passwords: any PasswordHashing

    package init(store: any PasswordStore, passwords: any PasswordHashing) {
        self.store = store
        self.passwords = passwords
    }

    /// - Throws: `ValidationFailure` without a password, `AuthRefusal.wrongPassword`, `AuthRefusal.unknownUser`,
    ///   `AuthRefusal.overloaded`, else the store's error.
    package func callAsFunction(caller: UUIDv7, password: String) async throws -> User {
        var validator = Validator()
        validator.require("password", password)
        try validator.check()
        guard let credential = try await store.credential(of: caller) else { throw AuthRefusal.unknownUser }
        let verdict = try await passwords.check(PasswordPolicy.bounded(password), against: credential.passwordHash)
        guard case .right = verdict else { throw AuthRefusal.wrongPassword }
        return credential.user
    }
}
