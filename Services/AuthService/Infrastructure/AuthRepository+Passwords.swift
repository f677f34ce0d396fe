package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
import FaultPoints
import Messaging
import Postgres

extension AuthRepository: PasswordStore {
    private static let reset = "password_reset"

    package func credential(of userID: UUIDv7) async throws -> Credential? {
        let rows = try await pool.query(
            """
            SELECT \(fragment: User.columns), c.password_hash FROM users u JOIN credentials c ON c.user_id = u.id
            WHERE u.id = \(userID)
            """)
        return try rows.first.map { row in
            Credential(user: try User(row), passwordHash: try row.decode(String.self, named: "password_hash"))
        }
    }

    package func changePassword(
        of userID: UUIDv7, from known: String, to hash: String, keeping session: UUIDv7,
        receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        let isChanged = try await pool.withTransaction { transaction in
            let rows = try await transaction.batch([
                Self.lock(userID),
                """
                UPDATE credentials SET password_hash = \(hash), updated_at = \(now)
                WHERE user_id = \(userID) AND password_hash = \(known) RETURNING user_id
                """,
            ])
            guard rows[1].first != nil else { return false }
            try await finish(.change, of: userID, keeping: session, receipt, at: now, in: transaction)
            return true
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if isChanged { outbox.poke() }
        return isChanged
    }

    package func requestPasswordReset(
        of email: EmailAddress, _ ticket: VerificationTicket, at now: Timestamp
    ) async throws -> Bool {
        let since = now - PasswordResetLimit.interval
        let isTold = try await pool.withTransaction { transaction in
            // The second statement counts what those have committed that held the lock before.
            let rows = try await transaction.batch([
                "SELECT FROM users WHERE email_key = \(email.key) FOR NO KEY UPDATE",
                """
                UPDATE users u SET event_sequence = event_sequence + 1
                WHERE email_key = \(email.key) AND \(PasswordResetLimit.count) > (
                    SELECT count(*) FROM one_time_tokens
                    WHERE user_id = u.id AND purpose = \(Self.reset) AND created_at > \(since))
                    AND NOT EXISTS (SELECT FROM one_time_tokens WHERE digest = \(ticket.digest))
                RETURNING \(fragment: User.columns), event_sequence
                """,
            ])
            guard let row = rows[1].first else { return false }
            let user = try User(row)
            let event = try AuthEvents.passwordResetRequested(
                user, ticket, sequence: row.decode(Int64.self, named: "event_sequence"), at: now)
            try await transaction.commit(with: [
                """
                INSERT INTO one_time_tokens (digest, user_id, purpose, created_at, expires_at)
                VALUES (\(ticket.digest), \(user.id), \(Self.reset), \(now), \(ticket.expiresAt))
                """,
                outbox.insert([event]),
            ])
            return true
        }
        if isTold { outbox.poke() }
        return isTold
    }

    package func userResetting(by digest: [UInt8], at now: Timestamp) async throws -> User? {
        try await pool.query(
            """
            SELECT \(fragment: User.columns) FROM one_time_tokens t JOIN users u ON u.id = t.user_id
            WHERE t.digest = \(digest) AND t.purpose = \(Self.reset) AND t.used_at IS NULL AND t.expires_at > \(now)
            """
        ).first.map(User.init(_:))
    }

    package func resetPassword(
        by digest: [UInt8], to hash: String, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        let isReset = try await pool.withTransaction { transaction in
            // Of concurrent resets the second waits for the user's row and then finds the token used.
            let rows = try await transaction.batch([
                """
                SELECT FROM users WHERE id = (SELECT user_id FROM one_time_tokens WHERE digest = \(digest))
                FOR NO KEY UPDATE
                """,
                """
                UPDATE one_time_tokens SET used_at = \(now)
                WHERE digest = \(digest) AND purpose = \(Self.reset) AND used_at IS NULL AND expires_at > \(now)
                RETURNING user_id
                """,
            ])
            guard let userID = try rows[1].first?.decode(UUIDv7.self, at: 0) else { return false }
            // Who signed in by another's word until now may have no password yet.
            try await transaction.query(
                """
                INSERT INTO credentials (user_id, password_hash, updated_at) VALUES (\(userID), \(hash), \(now))
                ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash,
                    updated_at = excluded.updated_at
                """)
            try await finish(.reset, of: userID, keeping: nil, receipt, at: now, in: transaction)
            return true
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if isReset { outbox.poke() }
        return isReset
    }

    /// What every new password brings with it; commits.
    private func finish(
        _ method: PasswordChange, of userID: UUIDv7, keeping session: UUIDv7?, _ receipt: IdempotencyReceipt?,
        at now: Timestamp, in transaction: PostgresTransaction
    ) async throws {
        var events = try await Self.endSessions(of: userID, except: session, .revoked, at: now, in: transaction)
        events += try await Self.endApiTokens(of: userID, at: now, in: transaction)
        let sequence = try await Self.advance(userID, by: 1, in: transaction)
        events.append(try AuthEvents.passwordChanged(userID, by: method, sequence: sequence, at: now))
        FaultPoint.reached("service.before-commit")
        try await transaction.commit(
            with: Self.kept(receipt) + [
                """
                UPDATE one_time_tokens SET used_at = \(now)
                WHERE user_id = \(userID) AND purpose = \(Self.reset) AND used_at IS NULL
                """,
                outbox.insert(events),
            ])
    }
}
