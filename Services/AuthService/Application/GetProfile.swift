package import AuthDomain
package import Chronology

/// Reads the caller's own account.
package struct GetProfile: Sendable {
    private let accounts: any AccountStore

    package init(accounts: any AccountStore) {
        self.accounts = accounts
    }

    /// - Throws: `AuthRefusal.unknownUser`, else the store's error.
    package func callAsFunction(caller: UUIDv7) async throws -> User {
        guard let user = try await accounts.user(caller) else { throw AuthRefusal.unknownUser }
        return user
    }
}
