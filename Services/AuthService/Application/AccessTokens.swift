package import AuthDomain
package import Chronology

/// A public key as it is published (RFC 7517, RFC 7518 section 6.3.1).
package struct PublishedKey: Sendable, Hashable {
    /// `kid`
    package let id: String
    /// `n`, base64url of the big-endian number.
    package let modulus: String
    /// `e`, likewise.
    package let exponent: String

    package init(id: String, modulus: String, exponent: String) {
        self.id = id
        self.modulus = modulus
        self.exponent = exponent
    }
}

/// Whom an access token is for.
package struct AccessGrant: Sendable, Hashable {
    package let userID: UUIDv7
    package let sessionID: UUIDv7
    package let roles: [Role]
    package let scopes: [Scope]

    /// The grant of a session: all scopes.
    package init(userID: UUIDv7, sessionID: UUIDv7, roles: [Role]) {
        self.userID = userID
        self.sessionID = sessionID
        self.roles = roles
        scopes = Scope.allCases
    }
}

/// Signs access tokens, and names the keys that verify them.
package protocol AccessTokens: Sendable {
    /// A signed token that is good for `Lifetime.accessToken` from `now` on.
    ///
    /// - Throws: `AuthRefusal.keysUnavailable`, `AuthRefusal.overloaded`.
    func token(for grant: AccessGrant, at now: Timestamp) async throws -> String

    /// Every key whose tokens are still accepted, the one that signs first; empty before there is one.
    var publishedKeys: [PublishedKey] { get }
}
