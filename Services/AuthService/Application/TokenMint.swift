package import Chronology

/// A secret that is given out, with what is kept of it.
package struct SecretToken: Sendable, Hashable {
    /// What the client gets.
    package let text: String
    /// SHA-256 of it.
    package let digest: [UInt8]

    package init(text: String, digest: [UInt8]) {
        self.text = text
        self.digest = digest
    }
}

/// Makes tokens that nobody can guess: 256 bits.
package protocol TokenMint: Sendable {
    /// A new refresh token.
    func refreshToken() -> SecretToken

    /// A new token of any other kind.
    func opaqueToken() -> SecretToken

    /// The token that replaces a refresh token: always the same for the same one, so that it can be told again to a client
    /// that lost the answer although it is stored nowhere. It follows from a key that only the service has.
    ///
    /// - Returns: nil where `text` is no token.
    func successor(of text: String) -> SecretToken?

    /// What is kept of a token; nil where `text` is none.
    func digest(of text: String) -> [UInt8]?

    /// A new one-time token, sealed.
    func verificationTicket(expiresAt: Timestamp) throws -> VerificationTicket
}
