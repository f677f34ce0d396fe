package import AuthApplication
package import AuthDomain
package import Chronology

extension InMemoryAuthStore: IdentityStore {
    package func user(of identity: ExternalIdentity) async throws -> User? {
        state.withLock { $0.user(of: identity) }
    }

    package func link(
        _ identity: ExternalIdentity, or newcomer: User, at now: Timestamp
    ) async throws -> IdentityLink {
        state.withLock { state in
            if let user = state.user(of: identity) { return .user(user) }
            let key = [identity.issuer, identity.subject]
            if let user = state.credential(for: newcomer.email)?.user {
                guard user.emailVerified else { return .addressUnconfirmed }
                state.identities[key] = user.id
                return .user(user)
            }
            // No password has the empty text as its hash.
            state.credentials[newcomer.id] = Credential(user: newcomer, passwordHash: "")
            state.identities[key] = newcomer.id
            state.tell("auth.user_registered", of: newcomer.id)
            state.tell("auth.email_verified", of: newcomer.id)
            return .user(newcomer)
        }
    }
}

extension InMemoryAuthStore.State {
    fileprivate func user(of identity: ExternalIdentity) -> User? {
        identities[[identity.issuer, identity.subject]].flatMap { credentials[$0]?.user }
    }
}
