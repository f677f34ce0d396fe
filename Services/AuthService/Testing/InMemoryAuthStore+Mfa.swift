package import AuthApplication

extension InMemoryAuthStore {
    package func open(_ challenge: MfaChallenge, passwordHash: String?) async throws {
        state.withLock { state in
            if let passwordHash, let credential = state.credentials[challenge.userID] {
                state.credentials[challenge.userID] = Credential(user: credential.user, passwordHash: passwordHash)
            }
            state.challenges[challenge.digest] = ChallengeRecord(challenge: challenge)
        }
    }
}
