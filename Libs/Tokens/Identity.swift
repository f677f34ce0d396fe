package import Chronology

/// Who calls, as a verified token says.
package struct Identity: Sendable, Hashable {
    /// `sub`.
    package let userID: UUIDv7
    /// `sid`: the session that the token was made for.
    package let sessionID: UUIDv7
    /// What the token may be used for, in its order; a session's token has all that its user has.
    package let scopes: [String]
    /// `user`, `admin`.
    package let roles: [String]
    /// When the token ends, in whole seconds.
    package let expiresAt: Timestamp

    /// An identity of these parts.
    package init(userID: UUIDv7, sessionID: UUIDv7, scopes: [String], roles: [String], expiresAt: Timestamp) {
        self.userID = userID
        self.sessionID = sessionID
        self.scopes = scopes
        self.roles = roles
        self.expiresAt = expiresAt
    }

    /// Whether the token may be used for this.
    package func has(scope: String) -> Bool { scopes.contains(scope) }

    /// Whether the user has this role.
    package func has(role: String) -> Bool { roles.contains(role) }
}
