package import Chronology
package import ProcessorDomain
package import Validation

/// Where audit trails are read: one for each partition key, which is the user's id where a user is concerned.
package protocol AuditTrails: Sendable {
    /// A page of a user's trail, newest first; the cursor's only key is the sequence of the last entry shown.
    ///
    /// - Throws: the store's own error; retriable ones mean that it is away.
    func page(of userID: UUIDv7, _ request: PageRequest) async throws -> Page<AuditEntry>
}

/// Reads the caller's own audit trail.
package struct ListAudit: Sendable {
    private let trails: any AuditTrails

    package init(trails: any AuditTrails) {
        self.trails = trails
    }

    /// - Throws: `ValidationFailure` for `limit` or `cursor`, else the store's error.
    package func callAsFunction(caller: UUIDv7, limit: Int64?, cursor: String?) async throws -> Page<AuditEntry> {
        var validator = Validator()
        let request = validator.page(limit: limit, cursor: cursor, keyCount: 1)
        if let key = request?.after?.keys.first, Int64(key) == nil {
            validator.fail("cursor", "invalid_cursor", "must be a next_cursor of this list")
        }
        return try await trails.page(of: caller, validator.checked(request))
    }
}
