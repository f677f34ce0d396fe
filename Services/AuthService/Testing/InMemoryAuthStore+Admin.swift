package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

extension InMemoryAuthStore: AdminStore {
    package func users(_ filter: AccountFilter, _ page: PageRequest) async throws -> Page<User> {
        let after = try page.after.map { try UUIDv7(parsing: $0.keys[0]) }
        let found = state.withLock { state in
            state.credentials.values.map(\.user)
                .filter { filter.status == nil || filter.status == $0.status }
                .filter { filter.email == nil || filter.email?.key == $0.email.key }
                .filter { user in after.map { user.id < $0 } ?? true }
                .sorted { $0.id > $1.id }
        }
        return Page(Array(found.prefix(page.limit + 1)), limit: page.limit) { PageCursor([$0.id.description]) }
    }

    package func update(
        _ userID: UUIDv7, _ change: AccountChange, if precondition: VersionPrecondition, by actor: UUIDv7?,
        receipt: (User) throws -> IdempotencyReceipt?, at now: Timestamp
    ) async throws -> AccountUpdate {
        try state.withLock { state in
            let administrators = state.credentials.values.map(\.user).filter(\.isAdministrator).map(\.id)
            guard actor.map(administrators.contains) ?? true else { return .notAllowed }
            guard let credential = state.credentials[userID] else { return .unknownUser }
            let user = credential.user
            try precondition.check(user.version)
            guard change.changes(user) else {
                state.keep(try receipt(user))
                return .done(user)
            }
            if change.removesAdministrator(user), administrators == [userID] { return .lastAdministrator }
            if change.locks(user) {
                _ = state.endSessions(of: userID, except: nil, at: now)
                _ = state.endApiTokens(of: userID)
            }
            state.challenges = state.challenges.filter { $0.value.challenge.userID != userID }
            let changed = user.changed(roles: change.roles, status: change.status, at: now)
            state.credentials[userID] = Credential(user: changed, passwordHash: credential.passwordHash)
            state.tell("auth.user_updated", of: userID)
            state.keep(try receipt(changed))
            return .done(changed)
        }
    }
}
