package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
package import Validation
import FaultPoints
import Messaging
import Postgres

extension AuthRepository: AdminStore {
    /// Changes of administrators come one after the other, so that the last two cannot remove each other.
    private static let administratorsLock: Int64 = 0x666C_6F72_6164_6D6E

    package func users(_ filter: AccountFilter, _ page: PageRequest) async throws -> Page<User> {
        var query: PostgresQuery = "SELECT \(fragment: User.columns) FROM users u WHERE true"
        if let status = filter.status { query.append(" AND u.status = \(status.rawValue)") }
        if let email = filter.email { query.append(" AND u.email_key = \(email.key)") }
        if let after = page.after { query.append(" AND u.id < \(try UUIDv7(parsing: after.keys[0]))") }
        query.append(" ORDER BY u.id DESC LIMIT \(page.limit + 1)")
        return try await Page(pool.query(query).map(User.init(_:)), limit: page.limit) { user in
            PageCursor([user.id.description])
        }
    }

    package func update(
        _ userID: UUIDv7, _ change: AccountChange, if precondition: VersionPrecondition, by actor: UUIDv7?,
        receipt: (User) throws -> IdempotencyReceipt?, at now: Timestamp
    ) async throws -> AccountUpdate {
        let outcome = try await pool.withTransaction { transaction in
            let rows = try await transaction.batch([
                "SELECT pg_advisory_xact_lock(\(Self.administratorsLock))", Self.lock(userID),
                "SELECT \(fragment: User.columns) FROM users u WHERE u.id = \(userID)",
                """
                SELECT COALESCE(bool_or(id = \(actor)), false), COALESCE(bool_or(id <> \(userID)), false) FROM users
                WHERE status = \(AccountStatus.active.rawValue) AND \(Role.admin.rawValue) = ANY(roles)
                """,
            ])
            let (isAllowed, isAnotherLeft) = try rows[3].first(as: Bool.self, Bool.self)
            guard actor == nil || isAllowed else { return AccountUpdate.notAllowed }
            guard let user = try rows[2].first.map(User.init(_:)) else { return .unknownUser }
            try precondition.check(user.version)
            guard change.changes(user) else {
                try await transaction.commit(with: Self.kept(receipt(user)))
                return .done(user)
            }
            if change.removesAdministrator(user), !isAnotherLeft { return .lastAdministrator }
            return .done(try await make(change, of: user, receipt: receipt, at: now, in: transaction))
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if case .done = outcome { outbox.poke() }
        return outcome
    }

    /// Makes a change of a user whose row is locked; commits.
    private func make(
        _ change: AccountChange, of user: User, receipt: (User) throws -> IdempotencyReceipt?, at now: Timestamp,
        in transaction: PostgresTransaction
    ) async throws -> User {
        var events: [OutboxEvent] = []
        if change.locks(user) {
            events += try await Self.endSessions(of: user.id, except: nil, .revoked, at: now, in: transaction)
            events += try await Self.endApiTokens(of: user.id, at: now, in: transaction)
        }
        let (status, roles) = (change.status ?? user.status, change.roles ?? user.roles)
        let rows = try await transaction.query(
            """
            UPDATE users u SET status = \(status.rawValue), roles = \(roles.map(\.rawValue)), version = version + 1,
                updated_at = \(now), access_changed_at = \(now), event_sequence = event_sequence + 1
            WHERE id = \(user.id) RETURNING \(fragment: User.columns), event_sequence
            """)
        guard let row = rows.first else { throw StoredValueError(column: "users.id") }
        let changed = try User(row)
        events.append(
            try AuthEvents.userUpdated(changed, sequence: row.decode(Int64.self, named: "event_sequence")))
        try await transaction.commit(
            with: Self.kept(receipt(changed)) + [
                "DELETE FROM mfa_challenges WHERE user_id = \(user.id)", outbox.insert(events),
            ])
        return changed
    }
}
