package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
import FaultPoints
import Messaging
import Postgres

extension AuthRepository: AccountStore {
    private static let verification = "email_verification"

    package func register(_ registration: Registration, receipt: IdempotencyReceipt?) async throws -> Bool {
        let user = registration.user
        let events = try AuthEvents.registered(registration)
        let repeated = AddressRequest(wish: .registration, email: user.email, at: user.createdAt)
        // As many round trips and as durable a commit for an address that is known: the time of the answer must not tell.
        let isNew = try await pool.withTransaction { transaction in
            let isNew = try await transaction.query(Self.insert(user, lastEvent: events.count)).first != nil
            let effects: [PostgresQuery] =
                isNew
                ? [
                    """
                    INSERT INTO credentials (user_id, password_hash, updated_at)
                    VALUES (\(user.id), \(registration.passwordHash), \(user.createdAt))
                    """,
                    Self.insert(registration.ticket, of: user.id, at: user.createdAt),
                    outbox.insert(events),
                ] : [Self.insert(repeated)]
            try await transaction.commit(with: effects + Self.kept(receipt))
            return isNew
        }
        FaultPoint.reached("service.after-commit-before-answer")
        outbox.poke()
        return isNew
    }

    package func requestVerification(
        of email: EmailAddress, _ ticket: VerificationTicket, at now: Timestamp
    ) async throws -> Bool {
        let since = now - VerificationLimit.interval
        let isTold = try await pool.withTransaction { transaction in
            // The second statement counts what those have committed that held the lock before.
            let rows = try await transaction.batch([
                "SELECT FROM users WHERE email_key = \(email.key) FOR NO KEY UPDATE",
                """
                UPDATE users u SET event_sequence = event_sequence + 1
                WHERE email_key = \(email.key) AND NOT email_verified AND \(VerificationLimit.count) > (
                    SELECT count(*) FROM one_time_tokens
                    WHERE user_id = u.id AND purpose = \(Self.verification) AND created_at > \(since))
                    AND NOT EXISTS (SELECT FROM one_time_tokens WHERE digest = \(ticket.digest))
                RETURNING \(fragment: User.columns), event_sequence
                """,
            ])
            guard let row = rows[1].first else { return false }
            let user = try User(row)
            let event = try AuthEvents.verificationRequested(
                user, ticket, sequence: row.decode(Int64.self, named: "event_sequence"), at: now)
            try await transaction.commit(with: [
                Self.insert(ticket, of: user.id, at: now), outbox.insert([event]),
            ])
            return true
        }
        if isTold { outbox.poke() }
        return isTold
    }

    package func confirmEmail(
        digest: [UInt8], receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        let isConfirmed = try await pool.withTransaction { transaction in
            // Of concurrent confirmations the second waits at the user's row and then finds it verified.
            let rows = try await transaction.query(
                """
                UPDATE users SET email_verified = true, event_sequence = event_sequence + 1, version = version + 1,
                    updated_at = \(now)
                WHERE NOT email_verified AND id = (
                    SELECT user_id FROM one_time_tokens
                    WHERE digest = \(digest) AND purpose = \(Self.verification) AND used_at IS NULL
                        AND expires_at > \(now))
                RETURNING id, event_sequence
                """)
            guard let row = rows.first else { return false }
            let (id, sequence) = try row.decode(UUIDv7.self, Int64.self)
            try await transaction.commit(
                with: Self.kept(receipt) + [
                    """
                    UPDATE one_time_tokens SET used_at = \(now)
                    WHERE user_id = \(id) AND purpose = \(Self.verification) AND used_at IS NULL
                    """,
                    outbox.insert([try AuthEvents.emailVerified(id, sequence: sequence, at: now)]),
                ])
            return true
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if isConfirmed { outbox.poke() }
        return isConfirmed
    }

    package func credential(for email: EmailAddress) async throws -> Credential? {
        let rows = try await pool.query(
            """
            SELECT \(fragment: User.columns), c.password_hash FROM users u JOIN credentials c ON c.user_id = u.id
            WHERE u.email_key = \(email.key)
            """)
        return try rows.first.map { row in
            Credential(user: try User(row), passwordHash: try row.decode(String.self, named: "password_hash"))
        }
    }

    package func hasSignedIn(from network: ClientNetwork, to email: EmailAddress) async throws -> Bool {
        try await pool.query(
            """
            SELECT DISTINCT s.address FROM users u JOIN sessions s ON s.user_id = u.id
            WHERE u.email_key = \(email.key) LIMIT 1000
            """
        ).contains { try ClientNetwork($0.decode(String.self, at: 0)) == network }
    }

    package func user(_ id: UUIDv7) async throws -> User? {
        try await pool.query("SELECT \(fragment: User.columns) FROM users u WHERE u.id = \(id)").first.map(
            User.init(_:))
    }

    static func insert(_ user: User, lastEvent: Int) -> PostgresQuery {
        """
        INSERT INTO users (id, email, email_key, display_name, base_currency, locale, time_zone, email_verified, roles,
            event_sequence, version, created_at, updated_at)
        VALUES (\(user.id), \(user.email.text), \(user.email.key), \(user.displayName), \(user.baseCurrency.code),
            \(user.locale), \(user.timeZone), \(user.emailVerified), \(user.roles.map(\.rawValue)), \(lastEvent),
            \(user.version), \(user.createdAt), \(user.updatedAt))
        ON CONFLICT ON CONSTRAINT users_email_key DO NOTHING
        RETURNING id
        """
    }

    private static func insert(_ ticket: VerificationTicket, of userID: UUIDv7, at now: Timestamp) -> PostgresQuery {
        """
        INSERT INTO one_time_tokens (digest, user_id, purpose, created_at, expires_at)
        VALUES (\(ticket.digest), \(userID), \(verification), \(now), \(ticket.expiresAt))
        """
    }
}
