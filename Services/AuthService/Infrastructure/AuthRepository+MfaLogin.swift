package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
import FaultPoints
import Messaging
import Postgres

/// The second half of a sign-in. The user's row is locked first: attempts of one user come one after the other.
extension AuthRepository {
    package func attempt(
        _ factor: SecondFactor, with digest: [UInt8], at now: Timestamp
    ) async throws -> MfaAttempt? {
        try await pool.withTransaction { transaction in
            let rows = try await transaction.batch([
                Self.lockUser(of: digest),
                """
                SELECT c.user_id, u.roles, f.sealed_secret, f.failures, f.blocked_until FROM mfa_challenges c
                    JOIN users u ON u.id = c.user_id
                    JOIN totp_factors f ON f.user_id = c.user_id
                    LEFT JOIN credentials p ON p.user_id = c.user_id
                WHERE c.digest = \(digest) AND c.expires_at > \(now) AND c.attempts < \(MfaLimit.attemptsPerChallenge)
                    AND u.status = \(AccountStatus.active.rawValue) AND f.confirmed_at IS NOT NULL
                    AND (p.user_id IS NULL OR p.updated_at <= c.created_at)
                """,
            ])
            guard let row = rows[1].first else { return nil }
            let (userID, roles, secret, failures, blockedUntil) = try row.decode(
                UUIDv7.self, [String].self, [UInt8].self, Int.self, Timestamp?.self)
            if factor == .totp, let blockedUntil, blockedUntil > now { return .blocked(until: blockedUntil) }
            var counts: [PostgresQuery] = [
                "UPDATE mfa_challenges SET attempts = attempts + 1 WHERE digest = \(digest)"
            ]
            if factor == .totp {
                let end = MfaLimit.delay(afterFailures: failures + 1).map { now + $0 }
                counts.append(
                    """
                    UPDATE totp_factors SET failures = failures + 1, blocked_until = \(end) WHERE user_id = \(userID)
                    """)
            }
            try await transaction.commit(with: counts)
            return .allowed(userID: userID, roles: try Role.stored(roles), sealedSecret: secret)
        }
    }

    package func finish(
        _ digest: [UInt8], with proof: MfaProof, opening session: Session, refreshToken: NewRefreshToken,
        receipt: IdempotencyReceipt?
    ) async throws -> Bool {
        let isOpen = try await pool.withTransaction { transaction in
            let rows = try await transaction.batch([
                Self.lockUser(of: digest), Self.use(proof, digest, of: session.userID, at: session.createdAt),
            ])
            guard !rows[1].isEmpty else { return false }
            let isRecovery = if case .recoveryCode = proof { true } else { false }
            let row = try await transaction.query(
                """
                UPDATE users SET event_sequence = event_sequence + \(isRecovery ? 2 : 1) WHERE id = \(session.userID)
                RETURNING event_sequence, \(fragment: Self.isNewDevice(session))
                """)
            let (sequence, isNewDevice) = try row.first(as: Int64.self, Bool.self)
            var events = [
                try AuthEvents.loggedIn(
                    session, isNewDevice: isNewDevice, sequence: isRecovery ? sequence - 1 : sequence)
            ]
            if isRecovery {
                events.append(
                    try AuthEvents.mfaChanged(
                        .recoveryCodeUsed, of: session.userID, sequence: sequence, at: session.createdAt))
            }
            FaultPoint.reached("service.before-commit")
            try await transaction.commit(
                with: Self.kept(receipt) + Self.insert(session, refreshToken) + [outbox.insert(events)])
            return true
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if isOpen { outbox.poke() }
        return isOpen
    }

    private static func lockUser(of digest: [UInt8]) -> PostgresQuery {
        """
        SELECT FROM users WHERE id = (SELECT user_id FROM mfa_challenges WHERE digest = \(digest)) FOR NO KEY UPDATE
        """
    }

    /// Uses up a proof together with the challenge, or neither; returns a row where it did.
    private static func use(
        _ proof: MfaProof, _ digest: [UInt8], of userID: UUIDv7, at now: Timestamp
    ) -> PostgresQuery {
        let waiting: PostgresQuery = """
            SELECT c.user_id FROM mfa_challenges c JOIN users u ON u.id = c.user_id
            WHERE c.digest = \(digest) AND c.user_id = \(userID) AND c.expires_at > \(now)
                AND u.status = \(AccountStatus.active.rawValue)
            """
        switch proof {
        case .totp(let step):
            return """
                WITH waiting AS (\(fragment: waiting)), proven AS (
                    UPDATE totp_factors f SET last_step = \(step), failures = 0, blocked_until = NULL FROM waiting
                    WHERE f.user_id = waiting.user_id AND f.confirmed_at IS NOT NULL AND f.last_step < \(step)
                    RETURNING f.user_id)
                DELETE FROM mfa_challenges USING proven WHERE digest = \(digest) RETURNING proven.user_id
                """
        case .recoveryCode(let code):
            return """
                WITH waiting AS (\(fragment: waiting)), used AS (
                    DELETE FROM recovery_codes r USING waiting
                    WHERE r.user_id = waiting.user_id AND r.digest = \(code) RETURNING r.user_id
                ), proven AS (
                    UPDATE totp_factors f SET failures = 0, blocked_until = NULL FROM used
                    WHERE f.user_id = used.user_id RETURNING f.user_id)
                DELETE FROM mfa_challenges USING proven WHERE digest = \(digest) RETURNING proven.user_id
                """
        }
    }
}
