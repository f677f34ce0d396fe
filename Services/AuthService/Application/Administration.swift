package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

/// Lists accounts for an administrator.
package struct ListUsers: Sendable {
    private let store: any AdminStore

    package init(store: any AdminStore) {
        self.store = store
    }

    /// - Throws: `ValidationFailure` for `limit`, `cursor`, `status`, `email`, else the store's error.
    package func callAsFunction(
        status: String?, email: String?, limit: Int64?, cursor: String?
    ) async throws -> Page<User> {
        var validator = Validator()
        let page = validator.page(limit: limit, cursor: cursor, keyCount: 1)
        if let key = page?.after?.keys.first, (try? UUIDv7(parsing: key)) == nil {
            validator.fail("cursor", "invalid_cursor", "must be a next_cursor of this list")
        }
        var wanted: (status: AccountStatus?, email: EmailAddress?)
        if let status { wanted.status = validator.choice("status", status) }
        if let email { wanted.email = validator.email("email", email) }
        return try await store.users(
            AccountFilter(status: wanted.status, email: wanted.email), validator.checked(page))
    }
}

/// Locks and unlocks accounts, gives and takes roles.
package struct UpdateUser: Sendable {
    private let store: any AdminStore
    private let clock: any WallClock

    package init(store: any AdminStore, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Parameter receipt: what is to be kept of the answer in the transaction of the effect.
    /// - Throws: `ValidationFailure`, `AuthRefusal`, `VersionMismatch`, else the store's error.
    package func callAsFunction(
        caller: UUIDv7, id: UUIDv7, status: String?, roles: [String], if precondition: VersionPrecondition,
        receipt: (User) throws -> IdempotencyReceipt? = { _ in nil }
    ) async throws -> User {
        let change = try AccountChange(status: status, roles: roles)
        return try await store.update(
            id, change, if: precondition, by: caller, receipt: receipt, at: clock.now().truncatedToMilliseconds
        ).user()
    }
}

/// Makes somebody an administrator, for the operator of the system.
package struct CreateAdministrator: Sendable {
    private let accounts: any AccountStore
    private let store: any AdminStore
    private let register: Register
    private let clock: any WallClock

    package init(
        accounts: any AccountStore, store: any AdminStore, register: Register, clock: any WallClock
    ) {
        self.accounts = accounts
        self.store = store
        self.register = register
        self.clock = clock
    }

    /// Gives the role to the account of an address; makes the account where there is none.
    ///
    /// - Parameter password: asked for a new account alone.
    /// - Returns: the account, and whether it is new.
    /// - Throws: `ValidationFailure` for what breaks a rule of a registration, else the store's error.
    package func callAsFunction(
        email: String, password: () throws -> String
    ) async throws -> (user: User, isNew: Bool) {
        var validator = Validator()
        let read = validator.email("email", email)
        let address = try validator.checked(read)
        let known = try await accounts.credential(for: address)?.user
        var id: UUIDv7
        if let known {
            id = known.id
        } else {
            let request = RegistrationRequest(
                email: email, password: try password(), displayName: String(email.prefix { $0 != "@" }.prefix(100)))
            id = try await register(request) { _ in nil }.id
        }
        let roles = (known?.roles ?? []) + [.admin]
        let user = try await store.update(
            id, AccountChange(roles: roles), if: .anyVersion, by: nil, receipt: { _ in nil },
            at: clock.now().truncatedToMilliseconds
        ).user()
        return (user, known == nil)
    }
}

extension AccountUpdate {
    /// The account, or why it was not changed.
    fileprivate func user() throws(AuthRefusal) -> User {
        switch self {
        case .done(let user): return user
        case .unknownUser: throw .noSuchAccount
        case .notAllowed: throw .notAdministrator
        case .lastAdministrator: throw .lastAdministrator
        }
    }
}
