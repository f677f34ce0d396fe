package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

/// Where profiles are changed.
package protocol ProfileStore: Sendable {
    /// Changes a user and tells of it: `user_updated`; a change that changes nothing is not told.
    ///
    /// - Parameters:
    ///   - precondition: asked of the present version once nobody else can change it.
    ///   - receipt: what is to be kept of the answer, of the user as it is afterwards.
    ///   - change: what the user is to be, called with what it is then.
    /// - Returns: the user as it is afterwards; nil where there is none.
    /// - Throws: `VersionMismatch`, else the store's own error.
    func changeUser(
        _ id: UUIDv7, if precondition: VersionPrecondition,
        receipt: @Sendable (User) throws -> IdempotencyReceipt?,
        _ change: @escaping @Sendable (User) -> User
    ) async throws -> User?
}

/// Knows which time zones there are.
package protocol TimeZones: Sendable {
    func contains(_ name: TimeZoneName) -> Bool
}
