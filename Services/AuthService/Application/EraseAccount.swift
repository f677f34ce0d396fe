package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

/// Whose account ends, and how it is called from then on.
package struct AccountErasure: Sendable, Hashable {
    package let erasureID: String
    package let userID: UUIDv7
    /// Whose the answers to registrations of the account's address are.
    package let registrationOwner: UUIDv7

    package init(erasureID: String, userID: UUIDv7, registrationOwner: UUIDv7) {
        self.erasureID = erasureID
        self.userID = userID
        self.registrationOwner = registrationOwner
    }
}

/// Where accounts end.
package protocol ErasureStore: Sendable {
    /// Deletes a user and everything of them, keeps the receipt, and tells of it: `sessions_revoked` where a session ended,
    /// `user_deleted`.
    ///
    /// - Parameters:
    ///   - precondition: asked of the present version once nobody else can change it.
    ///   - receipt: of the answer, for a repetition of the request.
    /// - Returns: false where there is no such user; then nothing happens.
    /// - Throws: `VersionMismatch`, else the store's own error.
    func erase(
        _ erasure: AccountErasure, if precondition: VersionPrecondition, receipt: IdempotencyReceipt?,
        at now: Timestamp
    ) async throws -> Bool

    /// What is known of an erasure; nil where there is none of this name.
    func erasure(_ id: String) async throws -> Erasure?
}

/// Ends the caller's account: it is gone from here when this returns, and from the other services when they have heard of
/// it.
package struct EraseAccount: Sendable {
    private let store: any ErasureStore
    private let accounts: any AccountStore
    private let confirmPassword: ConfirmPassword
    private let mint: any TokenMint
    private let clock: any WallClock

    package init(
        store: any ErasureStore, accounts: any AccountStore, confirmPassword: ConfirmPassword, mint: any TokenMint,
        clock: any WallClock
    ) {
        self.store = store
        self.accounts = accounts
        self.confirmPassword = confirmPassword
        self.mint = mint
        self.clock = clock
    }

    /// - Parameters:
    ///   - registrationOwner: whose the answers to registrations of an address are.
    ///   - receipt: what is to be kept of the answer.
    /// - Returns: the erasure's identifier.
    /// - Throws: `ValidationFailure`, `AuthRefusal`, `VersionMismatch`, else the store's error.
    package func callAsFunction(
        password: String, caller: UUIDv7, if precondition: VersionPrecondition,
        registrationOwner: (EmailAddress) -> UUIDv7, receipt: (String) throws -> IdempotencyReceipt?
    ) async throws -> String {
        let user = try await confirmed(caller, password)
        let id = mint.refreshToken().text
        let erasure = AccountErasure(
            erasureID: id, userID: caller, registrationOwner: registrationOwner(user.email))
        let isErased = try await store.erase(
            erasure, if: precondition, receipt: receipt(id), at: clock.now().truncatedToMilliseconds)
        guard isErased else { throw AuthRefusal.unknownUser }
        return id
    }

    private func confirmed(_ caller: UUIDv7, _ password: String) async throws -> User {
        do {
            return try await confirmPassword(caller: caller, password: password)
        } catch AuthRefusal.unknownUser {
            throw try await accounts.user(caller) == nil ? AuthRefusal.unknownUser : AuthRefusal.noPassword
        }
    }
}

/// Shows what each service has erased, to whoever knows the erasure's identifier.
package struct GetErasure: Sendable {
    private let store: any ErasureStore

    package init(store: any ErasureStore) {
        self.store = store
    }

    /// - Throws: `AuthRefusal.unknownErasure`, else the store's error.
    package func callAsFunction(_ id: String) async throws -> Erasure {
        guard let erasure = try await store.erasure(id) else { throw AuthRefusal.unknownErasure }
        return erasure
    }
}
