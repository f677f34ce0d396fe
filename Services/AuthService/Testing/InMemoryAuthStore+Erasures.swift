package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
package import Validation

extension InMemoryAuthStore: ErasureStore {
    package func erase(
        _ erasure: AccountErasure, if precondition: VersionPrecondition, receipt: IdempotencyReceipt?,
        at now: Timestamp
    ) async throws -> Bool {
        try state.withLock { state in
            let user = erasure.userID
            guard let credential = state.credentials[user] else { return false }
            try precondition.check(credential.user.version)
            let sessions = state.sessions.filter { $0.value.session.userID == user }
            state.credentials[user] = nil
            state.tickets = state.tickets.filter { $0.value.userID != user }
            state.tokens = state.tokens.filter { sessions[$0.value.sessionID] == nil }
            state.sessions = state.sessions.filter { sessions[$0.key] == nil }
            state.receipts.removeAll { [user, erasure.registrationOwner].contains($0.key.userID) }
            state.keep(receipt)
            if sessions.values.contains(where: { !$0.hasEnded && $0.expiresAt > now }) {
                state.tell("auth.sessions_revoked", of: user)
            }
            state.tell("auth.user_deleted", of: user)
            state.erasures[erasure.erasureID] = Erasure(
                id: erasure.erasureID, requestedAt: now, confirmations: [.auth: now])
            return true
        }
    }

    package func erasure(_ id: String) async throws -> Erasure? { state.withLock { $0.erasures[id] } }
}
