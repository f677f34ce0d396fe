package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
package import Validation
import FaultPoints
import Messaging
import Postgres

extension AuthRepository: ApiTokenStore {
    package func add(
        _ token: ApiToken, digest: [UInt8], receipt: IdempotencyReceipt?
    ) async throws -> ApiTokenAddition {
        let addition = try await pool.withTransaction { transaction in
            let rows = try await transaction.batch([
                Self.lock(token.userID),
                """
                SELECT count(*) FROM api_tokens
                WHERE user_id = \(token.userID) AND (expires_at IS NULL OR expires_at > \(token.createdAt))
                """,
            ])
            guard !rows[0].isEmpty else { return ApiTokenAddition.unknownUser }
            guard try rows[1].first(as: Int.self) < ApiToken.limit else { return .tooMany }
            let sequence = try await Self.advance(token.userID, by: 1, in: transaction)
            try await transaction.commit(
                with: [
                    """
                    INSERT INTO api_tokens (id, user_id, digest, name, scopes, created_at, expires_at)
                    VALUES (\(token.id), \(token.userID), \(digest), \(token.name), \(token.scopes.map(\.rawValue)),
                        \(token.createdAt), \(token.expiresAt))
                    """,
                    outbox.insert([try AuthEvents.apiTokenCreated(token, sequence: sequence)]),
                ] + Self.kept(receipt))
            return .added
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if addition == .added { outbox.poke() }
        return addition
    }

    package func apiTokens(of userID: UUIDv7, _ page: PageRequest, at now: Timestamp) async throws -> Page<ApiToken> {
        var query: PostgresQuery = """
            SELECT id, user_id, name, scopes, expires_at, last_used_at, created_at FROM api_tokens
            WHERE user_id = \(userID) AND (expires_at IS NULL OR expires_at > \(now))
            """
        if let after = page.after { query.append(" AND id < \(try UUIDv7(parsing: after.keys[0]))") }
        query.append(" ORDER BY id DESC LIMIT \(page.limit + 1)")
        return try await Page(pool.query(query).map(ApiToken.init(_:)), limit: page.limit) { token in
            PageCursor([token.id.description])
        }
    }

    package func revokeApiToken(
        _ id: UUIDv7, of userID: UUIDv7, receipt: IdempotencyReceipt?, at now: Timestamp
    ) async throws -> Bool {
        let isRevoked = try await pool.withTransaction { transaction in
            try await transaction.query(Self.lock(userID))
            let events = try await Self.endApiTokens(of: userID, only: id, at: now, in: transaction)
            guard !events.isEmpty else { return false }
            try await transaction.commit(with: Self.kept(receipt) + [outbox.insert(events)])
            return true
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if isRevoked { outbox.poke() }
        return isRevoked
    }

    package func bearer(of digest: [UInt8], at now: Timestamp) async throws -> ApiTokenBearer? {
        let noted = now - ApiToken.useInterval
        let rows = try await pool.batch([
            """
            SELECT t.id, t.user_id, u.roles, t.scopes, t.expires_at FROM api_tokens t JOIN users u ON u.id = t.user_id
            WHERE t.digest = \(digest) AND (t.expires_at IS NULL OR t.expires_at > \(now))
                AND u.status = \(AccountStatus.active.rawValue)
            """,
            """
            UPDATE api_tokens SET last_used_at = \(now)
            WHERE digest = \(digest) AND (expires_at IS NULL OR expires_at > \(now))
                AND (last_used_at IS NULL OR last_used_at < \(noted))
            """,
        ])
        return try rows[0].first.map { row in
            let (id, user, roles, scopes, expiry) = try row.decode(
                UUIDv7.self, UUIDv7.self, [String].self, [String].self, Timestamp?.self)
            return ApiTokenBearer(
                tokenID: id, userID: user, roles: try Role.stored(roles), scopes: try Scope.stored(scopes),
                expiresAt: expiry)
        }
    }

    /// Ends tokens of a user whose row is locked.
    ///
    /// - Parameter id: the one; nil for all.
    /// - Returns: what is to be told of it, numbered; nothing where none was left.
    static func endApiTokens(
        of userID: UUIDv7, only id: UUIDv7? = nil, at now: Timestamp, in transaction: PostgresTransaction
    ) async throws -> [OutboxEvent] {
        let ended = try await transaction.query(
            """
            DELETE FROM api_tokens WHERE user_id = \(userID) AND (\(id)::uuid IS NULL OR id = \(id)::uuid) RETURNING id
            """
        ).map { try $0.decode(UUIDv7.self, at: 0) }.sorted()
        guard !ended.isEmpty else { return [] }
        let sequence = try await advance(userID, by: 1, in: transaction)
        return [try AuthEvents.apiTokensRevoked(ended, of: userID, sequence: sequence, at: now)]
    }
}

extension ApiToken {
    init(_ row: PostgresRow) throws {
        let (id, user, name, scopes, expiry, used, created) = try row.decode(
            UUIDv7.self, UUIDv7.self, String.self, [String].self, Timestamp?.self, Timestamp?.self, Timestamp.self)
        self.init(
            id: id, userID: user, name: name, scopes: try Scope.stored(scopes), expiresAt: expiry, lastUsedAt: used,
            createdAt: created)
    }
}

extension Scope {
    static func stored(_ texts: [String]) throws(StoredValueError) -> [Scope] {
        let scopes = texts.compactMap(Scope.init(rawValue:))
        guard scopes.count == texts.count else { throw StoredValueError(column: "api_tokens.scopes") }
        return scopes
    }
}
