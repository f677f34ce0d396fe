package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

/// Which accounts are listed.
package struct AccountFilter: Sendable, Hashable {
    /// Nil for any.
    package let status: AccountStatus?
    /// Nil for any.
    package let email: EmailAddress?

    package init(status: AccountStatus? = nil, email: EmailAddress? = nil) {
        self.status = status
        self.email = email
    }
}

/// What became of a change by an administrator.
package enum AccountUpdate: Sendable, Hashable {
    /// The account as it is now.
    case done(User)
    case unknownUser
    /// Whoever asked is no administrator any more.
    case notAllowed
    /// There would be no administrator left.
    case lastAdministrator
}

/// Where accounts are administered.
///
/// Every change is one transaction with its events. Each method throws the store's own error; retriable ones mean that it
/// is away.
package protocol AdminStore: Sendable {
    /// Accounts, newest first; the cursor's only key is the id.
    func users(_ filter: AccountFilter, _ page: PageRequest) async throws -> Page<User>

    /// Changes an account and tells of it: `user_updated`; where that locks it, everything that was given out to it ends,
    /// which is told before. A change that changes nothing has no effect.
    ///
    /// - Parameters:
    ///   - actor: the administrator who asks, and must be one in this very transaction; nil for the operator of the system.
    ///   - precondition: for which versions of the account the change is meant.
    ///   - receipt: of the answer, also where nothing changes.
    /// - Throws: `VersionMismatch`, or the store's error.
    func update(
        _ userID: UUIDv7, _ change: AccountChange, if precondition: VersionPrecondition, by actor: UUIDv7?,
        receipt: (User) throws -> IdempotencyReceipt?, at now: Timestamp
    ) async throws -> AccountUpdate
}
