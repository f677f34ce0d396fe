import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

extension InMemoryAuthStore: ProfileStore {
    package func changeUser(
        _ id: UUIDv7, if precondition: VersionPrecondition,
        receipt: @Sendable (User) throws -> IdempotencyReceipt?,
        _ change: @escaping @Sendable (User) -> User
    ) async throws -> User? {
        try state.withLock { state in
            guard let credential = state.credentials[id] else { return nil }
            try precondition.check(credential.user.version)
            let changed = change(credential.user)
            if let receipt = try receipt(changed) { state.receipts.append(receipt) }
            guard changed != credential.user else { return changed }
            state.credentials[id] = Credential(user: changed, passwordHash: credential.passwordHash)
            state.tell("auth.user_updated", of: id)
            return changed
        }
    }
}
