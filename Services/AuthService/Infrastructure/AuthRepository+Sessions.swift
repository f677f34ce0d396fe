package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
package import Validation
import FaultPoints
import Messaging
import Postgres

extension AuthRepository: SessionStore {
    package func open(
        _ session: Session, refreshToken: NewRefreshToken, passwordHash: String?, provenHash: String?,
        receipt: IdempotencyReceipt?
    ) async throws -> Bool {
        let isOpen = try await pool.withTransaction { transaction in
            // The second statement sees the password that whoever held the lock has committed.
            let rows = try await transaction.batch([
                Self.lock(session.userID),
                """
                UPDATE users SET event_sequence = event_sequence + 1
                WHERE id = \(session.userID) AND status = \(AccountStatus.active.rawValue)
                    AND (\(provenHash)::text IS NULL OR EXISTS (
                        SELECT FROM credentials
                        WHERE user_id = \(session.userID) AND password_hash = \(provenHash)::text))
                RETURNING event_sequence, \(fragment: Self.isNewDevice(session))
                """,
            ])
            guard let row = rows[1].first else { return false }
            let (sequence, isNewDevice) = try row.decode(Int64.self, Bool.self)
            let event = try AuthEvents.loggedIn(session, isNewDevice: isNewDevice, sequence: sequence)
            FaultPoint.reached("service.before-commit")
            try await transaction.commit(
                with: Self.kept(receipt) + Self.insert(session, refreshToken) + [outbox.insert([event])]
                    + Self.replaceHash(passwordHash, of: session.userID, at: session.createdAt))
            return true
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if isOpen { outbox.poke() }
        return isOpen
    }

    package func replace(
        digest: [UInt8], with successor: NewRefreshToken, at now: Timestamp
    ) async throws -> PresentedRefreshToken? {
        let results = try await pool.batch(Self.replacement(of: digest, by: successor, at: now))
        FaultPoint.reached("service.after-commit-before-answer")
        return try results[1].first.map(PresentedRefreshToken.init(_:))
    }

    package func replace(
        digest: [UInt8], with successor: NewRefreshToken, at now: Timestamp,
        receipt: (PresentedRefreshToken) async throws -> IdempotencyReceipt?
    ) async throws -> PresentedRefreshToken? {
        let presented = try await pool.withTransaction { transaction -> PresentedRefreshToken? in
            let results = try await transaction.batch(Self.replacement(of: digest, by: successor, at: now))
            guard let presented = try results[1].first.map(PresentedRefreshToken.init(_:)) else { return nil }
            let receipts = Self.kept(try await receipt(presented))
            FaultPoint.reached("service.before-commit")
            try await transaction.commit(with: receipts)
            return presented
        }
        FaultPoint.reached("service.after-commit-before-answer")
        return presented
    }

    /// Replaces a token, and shows it as it is then.
    ///
    /// Of concurrent replacements the second waits at the token's row and then finds it replaced. The last statement sees what
    /// was committed meanwhile: also an end of the session, for which `used` has waited.
    private static func replacement(
        of digest: [UInt8], by successor: NewRefreshToken, at now: Timestamp
    ) -> [PostgresQuery] {
        [
            """
            WITH replaced AS (
                UPDATE refresh_tokens t SET replaced_at = \(now) FROM sessions s
                WHERE t.digest = \(digest) AND t.replaced_at IS NULL AND t.expires_at > \(now)
                    AND s.id = t.session_id AND s.ended_at IS NULL
                RETURNING t.session_id, t.generation,
                    LEAST(\(successor.expiresAt), s.created_at + \(Self.longestSession) * interval '1 second') AS expiry
            ), used AS (
                UPDATE sessions SET last_used_at = \(now), expires_at = replaced.expiry
                FROM replaced WHERE id = replaced.session_id
            )
            INSERT INTO refresh_tokens (digest, session_id, generation, expires_at)
            SELECT \(successor.digest), session_id, generation + 1, expiry FROM replaced
            """,
            """
            SELECT t.session_id, s.user_id, t.expires_at, t.replaced_at,
                n.digest IS NOT NULL AND n.replaced_at IS NULL, s.ended_at IS NOT NULL, u.roles, s.created_at
            FROM refresh_tokens t
                JOIN sessions s ON s.id = t.session_id
                JOIN users u ON u.id = s.user_id
                LEFT JOIN refresh_tokens n ON n.session_id = t.session_id AND n.generation = t.generation + 1
            WHERE t.digest = \(digest)
            """,
        ]
    }

    package func end(
        _ sessionID: UUIDv7, of userID: UUIDv7, reason: SessionEnd, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        let hasEnded = try await pool.withTransaction { transaction in
            let rows = try await transaction.batch([
                Self.lock(userID),
                """
                WITH ended AS (
                    UPDATE sessions SET ended_at = \(now), end_reason = \(reason.rawValue)
                    WHERE id = \(sessionID) AND user_id = \(userID) AND ended_at IS NULL
                    RETURNING user_id
                )
                UPDATE users SET event_sequence = event_sequence + 1 FROM ended WHERE id = ended.user_id
                RETURNING event_sequence
                """,
            ])
            guard let row = rows[1].first else { return false }
            let event = try AuthEvents.sessionsRevoked(
                [sessionID], of: userID, reason: reason, sequence: row.decode(Int64.self, at: 0), at: now)
            try await transaction.commit(with: Self.kept(receipt) + [outbox.insert([event])])
            return true
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if hasEnded { outbox.poke() }
        return hasEnded
    }

    package func endAll(
        of userID: UUIDv7, except kept: UUIDv7?, reason: SessionEnd, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        let hasEnded = try await pool.withTransaction { transaction in
            try await transaction.query(Self.lock(userID))
            let events = try await Self.endSessions(of: userID, except: kept, reason, at: now, in: transaction)
            guard !events.isEmpty else {
                try await transaction.commit(with: Self.kept(receipt))
                return false
            }
            try await transaction.commit(with: Self.kept(receipt) + [outbox.insert(events)])
            return true
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if hasEnded { outbox.poke() }
        return hasEnded
    }

    /// Ends sessions of a user whose row is locked.
    ///
    /// - Returns: what is to be told of it, numbered; nothing where none was left.
    static func endSessions(
        of userID: UUIDv7, except kept: UUIDv7?, _ reason: SessionEnd, at now: Timestamp,
        in transaction: PostgresTransaction
    ) async throws -> [OutboxEvent] {
        let ended = try await transaction.query(
            """
            UPDATE sessions SET ended_at = \(now), end_reason = \(reason.rawValue)
            WHERE user_id = \(userID) AND ended_at IS NULL AND expires_at > \(now)
                AND id IS DISTINCT FROM \(kept)
            RETURNING id
            """
        ).map { try $0.decode(UUIDv7.self, at: 0) }.sorted()
        let parts = stride(from: 0, to: ended.count, by: sessionsInAnEvent).map { start in
            Array(ended[start..<min(start + sessionsInAnEvent, ended.count)])
        }
        guard !parts.isEmpty else { return [] }
        let last = try await advance(userID, by: parts.count, in: transaction)
        return try parts.enumerated().map { place, sessions in
            try AuthEvents.sessionsRevoked(
                sessions, of: userID, reason: reason, sequence: last - Int64(parts.count - 1 - place), at: now)
        }
    }

    private static let sessionsInAnEvent = 1000
    /// In seconds.
    private static let longestSession = Lifetime.session.components.seconds

    /// Waits for the user's row and keeps others from it until the end of the transaction.
    static func lock(_ userID: UUIDv7) -> PostgresQuery {
        "SELECT FROM users WHERE id = \(userID) FOR NO KEY UPDATE"
    }

    /// Takes the numbers of so many events; the last of them.
    static func advance(
        _ userID: UUIDv7, by count: Int, in transaction: PostgresTransaction
    ) async throws -> Int64 {
        try await transaction.query(
            """
            UPDATE users SET event_sequence = event_sequence + \(Int64(count)) WHERE id = \(userID)
            RETURNING event_sequence
            """
        ).first(as: Int64.self)
    }

    package func sessions(
        of userID: UUIDv7, _ page: PageRequest, at now: Timestamp
    ) async throws -> Page<Session> {
        var query: PostgresQuery = """
            SELECT id, user_id, device, address, created_at, last_used_at FROM sessions
            WHERE user_id = \(userID) AND ended_at IS NULL AND expires_at > \(now)
            """
        if let after = page.after { query.append(" AND id < \(try UUIDv7(parsing: after.keys[0]))") }
        query.append(" ORDER BY id DESC LIMIT \(page.limit + 1)")
        return try await Page(pool.query(query).map(Session.init(_:)), limit: page.limit) { session in
            PageCursor([session.id.description])
        }
    }

    /// Whether the user has signed in before, and never so.
    static func isNewDevice(_ session: Session) -> PostgresQuery {
        """
        EXISTS (SELECT FROM sessions WHERE user_id = \(session.userID))
        AND NOT EXISTS (SELECT FROM sessions WHERE user_id = \(session.userID) AND device = \(session.device))
        """
    }

    static func insert(_ session: Session, _ refreshToken: NewRefreshToken) -> [PostgresQuery] {
        [
            """
            INSERT INTO sessions (id, user_id, device, address, created_at, last_used_at, expires_at)
            VALUES (\(session.id), \(session.userID), \(session.device), \(session.address), \(session.createdAt),
                \(session.lastUsedAt), \(refreshToken.expiresAt))
            """,
            """
            INSERT INTO refresh_tokens (digest, session_id, generation, expires_at)
            VALUES (\(refreshToken.digest), \(session.id), 1, \(refreshToken.expiresAt))
            """,
        ]
    }

    static func replaceHash(_ hash: String?, of userID: UUIDv7, at now: Timestamp) -> [PostgresQuery] {
        guard let hash else { return [] }
        return ["UPDATE credentials SET password_hash = \(hash), updated_at = \(now) WHERE user_id = \(userID)"]
    }
}

extension Session {
    init(_ row: PostgresRow) throws(PostgresError) {
        let (id, user, device, address, created, used) = try row.decode(
            UUIDv7.self, UUIDv7.self, String.self, String.self, Timestamp.self, Timestamp.self)
        self.init(id: id, userID: user, device: device, address: address, createdAt: created, lastUsedAt: used)
    }
}

extension PresentedRefreshToken {
    init(_ row: PostgresRow) throws {
        let (session, user, expiry, replaced, isParent, hasEnded, roles, created) = try row.decode(
            UUIDv7.self, UUIDv7.self, Timestamp.self, Timestamp?.self, Bool.self, Bool.self, [String].self,
            Timestamp.self)
        self.init(
            token: StoredRefreshToken(
                sessionID: session, userID: user, expiresAt: expiry, replacedAt: replaced, isParentOfNewest: isParent,
                isRevoked: hasEnded),
            roles: try Role.stored(roles), sessionEnd: created + Lifetime.session)
    }
}
