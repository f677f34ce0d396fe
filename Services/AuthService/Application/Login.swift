import AuthDomain
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

/// Lets whoever knows the password of an account sign in.
package struct Login: Sendable {
    private let accounts: any AccountStore
    private let passwords: any PasswordHashing
    private let opening: SessionOpening

    package init(accounts: any AccountStore, passwords: any PasswordHashing, opening: SessionOpening) {
        self.accounts = accounts
        self.passwords = passwords
        self.opening = opening
    }

    /// - Throws: `ValidationFailure` for what is missing, `AuthRefusal`, else the store's error.
    package func callAsFunction(
        email: String, password: String, client: ClientDescription
    ) async throws -> SignInOutcome {
        var validator = Validator()
        validator.require("email", email)
        validator.require("password", password)
        try validator.check()
        let (user, provenHash, newHash) = try await authenticate(email, password)
        return try await opening.firstFactorPassed(
            by: user, client: client, passwordHash: newHash, provenHash: provenHash)
    }

    private func authenticate(
        _ email: String, _ password: String
    ) async throws -> (User, provenHash: String, newHash: String?) {
        var credential: Credential?
        if let address = EmailAddress(email) { credential = try await accounts.credential(for: address) }
        let verdict = try await passwords.check(
            PasswordPolicy.bounded(password), against: credential?.passwordHash)
        guard let credential, case .right(let newHash) = verdict else { throw AuthRefusal.invalidCredentials }
        return (credential.user, credential.passwordHash, newHash)
    }
}
