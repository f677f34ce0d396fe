package import Chronology
package import Validation

/// A personal API token, without the token itself.
package struct ApiToken: Sendable, Hashable {
    /// The most that a user has at a time.
    package static let limit = 50
    /// How long a use goes unrecorded after one that was recorded: a write for each request would cost more than it tells.
    package static let useInterval: Duration = .seconds(60)

    package let id: UUIDv7
    package let userID: UUIDv7
    /// As its owner calls it.
    package let name: String
    /// In their one order.
    package let scopes: [Scope]
    /// Nil for one that goes on until it is ended.
    package let expiresAt: Timestamp?
    /// To about a minute; nil before the first use.
    package let lastUsedAt: Timestamp?
    package let createdAt: Timestamp

    package init(
        id: UUIDv7, userID: UUIDv7, name: String, scopes: [Scope], expiresAt: Timestamp?, lastUsedAt: Timestamp?,
        createdAt: Timestamp
    ) {
        self.id = id
        self.userID = userID
        self.name = name
        self.scopes = scopes
        self.expiresAt = expiresAt
        self.lastUsedAt = lastUsedAt
        self.createdAt = createdAt
    }

    /// Reads what a user asks for.
    ///
    /// - Throws: the fields `name`, `scopes`, `expires_at` that break a rule.
    package init(
        for userID: UUIDv7, name: String, scopes: [String], expiresAt: String?, at now: Timestamp
    ) throws(ValidationFailure) {
        var validator = Validator()
        let name: String? = validator.text("name", name, maximum: 100)
        if scopes.isEmpty { validator.fail("scopes", "required", "must name at least one scope") }
        var wanted: Set<Scope> = []
        for (index, text) in scopes.enumerated() {
            let field = "scopes.\(index)"
            guard let scope: Scope = validator.choice(field, text) else { continue }
            if !wanted.insert(scope).inserted { validator.fail(field, "duplicate", "must not be named twice") }
        }
        var expiry: Timestamp?
        if let expiresAt {
            expiry = Timestamp(rfc3339: expiresAt)
            if expiry == nil {
                validator.fail("expires_at", "invalid_instant", "must be an instant such as 2026-11-20T09:30:00Z")
            } else if let expiry, expiry <= now {
                validator.fail("expires_at", "out_of_range", "must lie in the future")
            }
        }
        self.init(
            id: .make(), userID: userID, name: try validator.checked(name),
            scopes: Scope.allCases.filter(wanted.contains), expiresAt: expiry?.truncatedToMilliseconds,
            lastUsedAt: nil, createdAt: now)
    }
}
