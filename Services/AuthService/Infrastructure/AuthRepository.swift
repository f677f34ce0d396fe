package import Messaging
package import Postgres
import AuthDomain
package import Chronology
import Idempotency
import Money
import ServiceRuntime

/// The auth context in PostgreSQL.
///
/// All events of a user are numbered at the user's row, which each change that tells of something updates: its lock makes
/// the numbers gapless and their order that of the commits. Locks are taken in the order user, token, session.
package struct AuthRepository: Sendable {
    let pool: PostgresPool
    let outbox: Outbox

    package init(pool: PostgresPool, outbox: Outbox) {
        self.pool = pool
        self.outbox = outbox
    }

    /// The statement that keeps a receipt, where there is one.
    static func kept(_ receipt: IdempotencyReceipt?) -> [PostgresQuery] {
        receipt.map { [IdempotencyRecords.insert($0)] } ?? []
    }

    /// Forgets what has run out, at most a thousand rows of each kind at a time. Sessions are remembered for 90 days more,
    /// because they tell which devices are known.
    package func sweep(at now: Timestamp) async throws {
        let forgotten = now - .seconds(90 * 24 * 3600)
        _ = try await pool.batch([
            """
            DELETE FROM refresh_tokens WHERE digest IN
                (SELECT digest FROM refresh_tokens WHERE expires_at < \(now) LIMIT 1000)
            """,
            """
            DELETE FROM one_time_tokens WHERE digest IN
                (SELECT digest FROM one_time_tokens WHERE expires_at < \(now) LIMIT 1000)
            """,
            """
            DELETE FROM address_requests WHERE id IN
                (SELECT id FROM address_requests WHERE requested_at < \(now - Self.requestLifetime) LIMIT 1000)
            """,
            """
            DELETE FROM api_tokens WHERE id IN (SELECT id FROM api_tokens WHERE expires_at < \(now) LIMIT 1000)
            """,
            """
            DELETE FROM removed_users WHERE user_id IN
                (SELECT user_id FROM removed_users WHERE removed_at < \(now - .seconds(24 * 3600)) LIMIT 1000)
            """,
            """
            DELETE FROM mfa_challenges WHERE digest IN
                (SELECT digest FROM mfa_challenges WHERE expires_at < \(now) LIMIT 1000)
            """,
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < \(forgotten) LIMIT 1000)",
        ])
    }
}

extension User {
    /// Of `users u`.
    static let columns: PostgresQuery = """
        u.id, u.email, u.display_name, u.base_currency, u.locale, u.time_zone, u.email_verified, u.roles, u.status,
        EXISTS (SELECT FROM totp_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL), u.version,
        u.created_at, u.updated_at
        """

    init(_ row: PostgresRow) throws {
        let (id, email, name, currency, locale, zone, verified, roles, status, mfa, version, created, updated) =
            try row.decode(
                UUIDv7.self, String.self, String.self, String.self, String.self, String.self, Bool.self, [String].self,
                String.self, Bool.self, Int64.self, Timestamp.self, Timestamp.self)
        guard let address = EmailAddress(email) else { throw StoredValueError(column: "users.email") }
        guard let status = AccountStatus(rawValue: status) else { throw StoredValueError(column: "users.status") }
        self.init(
            id: id, email: address, displayName: name, baseCurrency: try Currency(code: currency), locale: locale,
            timeZone: zone, emailVerified: verified, roles: try Role.stored(roles), status: status,
            mfaEnabled: mfa, version: version, createdAt: created, updatedAt: updated)
    }
}

extension Role {
    static func stored(_ texts: [String]) throws(StoredValueError) -> [Role] {
        let roles = texts.compactMap(Role.init(rawValue:))
        guard roles.count == texts.count else { throw StoredValueError(column: "users.roles") }
        return roles
    }
}

/// A stored text that the program does not know: the schema and the program disagree.
struct StoredValueError: Error, CustomStringConvertible {
    let column: String

    var description: String { "column \(column) holds a value that this version does not know" }
}
