package import AuthApplication
import Postgres

extension AuthRepository: MfaStore {
    package func open(_ challenge: MfaChallenge, passwordHash: String?) async throws {
        _ = try await pool.batch(
            [
                """
                INSERT INTO mfa_challenges (digest, user_id, created_at, expires_at)
                VALUES (\(challenge.digest), \(challenge.userID), \(challenge.createdAt), \(challenge.expiresAt))
                """
            ] + Self.replaceHash(passwordHash, of: challenge.userID, at: challenge.createdAt))
    }
}
