package import AuthApplication
import AuthDomain
package import Chronology
package import Idempotency
import FaultPoints
import Messaging
import Postgres

extension AuthRepository: MfaStore {
    package func open(
        _ challenge: MfaChallenge, passwordHash: String?, receipt: IdempotencyReceipt?
    ) async throws {
        _ = try await pool.batch(
            Self.kept(receipt) + [
                """
                INSERT INTO mfa_challenges (digest, user_id, created_at, expires_at)
                VALUES (\(challenge.digest), \(challenge.userID), \(challenge.createdAt), \(challenge.expiresAt))
                """
            ] + Self.replaceHash(passwordHash, of: challenge.userID, at: challenge.createdAt))
        FaultPoint.reached("service.after-commit-before-answer")
    }

    package func begin(_ totp: PendingTotp, of userID: UUIDv7, receipt: IdempotencyReceipt?) async throws -> Bool {
        try await pool.withTransaction { transaction in
            let rows = try await transaction.batch([
                Self.lock(userID),
                """
                INSERT INTO totp_factors (user_id, sealed_secret, created_at)
                SELECT id, \(totp.sealedSecret), \(totp.createdAt) FROM users WHERE id = \(userID)
                ON CONFLICT (user_id) DO UPDATE SET sealed_secret = EXCLUDED.sealed_secret, created_at = EXCLUDED.created_at
                WHERE totp_factors.confirmed_at IS NULL
                RETURNING user_id
                """,
            ])
            guard !rows[1].isEmpty else { return false }
            try await transaction.commit(with: Self.kept(receipt))
            return true
        }
    }

    package func pendingTotp(of userID: UUIDv7) async throws -> PendingTotp? {
        try await pool.query(
            """
            SELECT sealed_secret, created_at FROM totp_factors WHERE user_id = \(userID) AND confirmed_at IS NULL
            """
        ).first.map { row in
            let (secret, created) = try row.decode([UInt8].self, Timestamp.self)
            return PendingTotp(sealedSecret: secret, createdAt: created)
        }
    }

    package func confirm(
        _ totp: PendingTotp, of userID: UUIDv7, step: Int64, recoveryCodes: [[UInt8]], receipt: IdempotencyReceipt?,
        at now: Timestamp
    ) async throws -> Bool {
        try await change(
            .enabled, of: userID, at: now,
            by: """
                UPDATE totp_factors SET confirmed_at = \(now), last_step = \(step)
                WHERE user_id = \(userID) AND confirmed_at IS NULL AND sealed_secret = \(totp.sealedSecret)
                RETURNING user_id
                """, with: [Self.insert(recoveryCodes, of: userID)] + Self.kept(receipt))
    }

    package func removeTotp(
        of userID: UUIDv7, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        try await change(
            .disabled, of: userID, at: now,
            by: """
                DELETE FROM totp_factors WHERE user_id = \(userID) AND confirmed_at IS NOT NULL RETURNING user_id
                """, with: ["DELETE FROM mfa_challenges WHERE user_id = \(userID)"] + Self.kept(receipt))
    }

    package func replaceRecoveryCodes(
        of userID: UUIDv7, with digests: [[UInt8]], receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        try await change(
            .recoveryCodesReplaced, of: userID, at: now,
            by: "SELECT user_id FROM totp_factors WHERE user_id = \(userID) AND confirmed_at IS NOT NULL",
            with: [
                "DELETE FROM recovery_codes WHERE user_id = \(userID)", Self.insert(digests, of: userID),
            ] + Self.kept(receipt))
    }

    /// Makes a change where `effect` returns a row, with its event and what belongs to it.
    private func change(
        _ change: MfaChange, of userID: UUIDv7, at now: Timestamp, by effect: PostgresQuery,
        with rest: [PostgresQuery]
    ) async throws -> Bool {
        let isChanged = try await pool.withTransaction { transaction in
            let rows = try await transaction.batch([Self.lock(userID), effect])
            guard !rows[1].isEmpty else { return false }
            let isVisible = change != .recoveryCodesReplaced
            let user = try await transaction.query(
                """
                UPDATE users SET event_sequence = event_sequence + 1, version = version + \(isVisible ? 1 : 0),
                    updated_at = CASE WHEN \(isVisible) THEN \(now) ELSE updated_at END
                WHERE id = \(userID) RETURNING event_sequence
                """)
            let event = try AuthEvents.mfaChanged(
                change, of: userID, sequence: user.first(as: Int64.self), at: now)
            try await transaction.commit(with: rest + [outbox.insert([event])])
            return true
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if isChanged { outbox.poke() }
        return isChanged
    }

    private static func insert(_ digests: [[UInt8]], of userID: UUIDv7) -> PostgresQuery {
        "INSERT INTO recovery_codes (user_id, digest) SELECT \(userID), digest FROM unnest(\(digests)) AS codes (digest)"
    }
}
