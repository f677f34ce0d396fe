package import AuthDomain
package import Chronology

/// A new secret of an authenticator.
package struct NewTotpSecret: Sendable, Hashable {
    /// Base32, for the user.
    package let text: String
    /// Sealed, for the store.
    package let sealed: [UInt8]

    package init(text: String, sealed: [UInt8]) {
        self.text = text
        self.sealed = sealed
    }
}

/// A new recovery code.
package struct NewRecoveryCode: Sendable, Hashable {
    /// As it is shown, once.
    package let text: String
    /// What is kept of it.
    package let digest: [UInt8]

    package init(text: String, digest: [UInt8]) {
        self.text = text
        self.digest = digest
    }
}

/// Makes and checks what second factors are proven with.
package protocol OneTimePasswords: Sendable {
    /// A new random secret.
    func newSecret() -> NewTotpSecret

    /// The time step whose code this is, no further from now than authenticators may differ; nil where it is none.
    ///
    /// - Throws: where the secret cannot be opened.
    func step(of code: String, sealedSecret: [UInt8], at now: Timestamp) throws -> Int64?

    /// New recovery codes, `RecoveryCode.count` of them.
    func newRecoveryCodes() -> [NewRecoveryCode]

    /// What is kept of a recovery code.
    func digest(of code: RecoveryCode) -> [UInt8]
}
