package import AuthApplication
package import AuthDomain
package import Chronology
import FaultPoints
import Messaging
import Postgres

extension AuthRepository: IdentityStore {
    /// Subjects are unique within their issuer, whatever it is called here.
    static let identities = """
        CREATE TABLE user_identities (
            issuer text NOT NULL,
            subject text NOT NULL,
            user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            linked_at timestamptz NOT NULL,
            CONSTRAINT user_identities_pkey PRIMARY KEY (issuer, subject)
        );
        CREATE INDEX user_identities_by_user ON user_identities (user_id);

        """

    package func user(of identity: ExternalIdentity) async throws -> User? {
        try await pool.query(Self.select(identity)).first.map(User.init(_:))
    }

    package func link(
        _ identity: ExternalIdentity, or newcomer: User, at now: Timestamp
    ) async throws -> IdentityLink {
        do {
            return try await linkOnce(identity, or: newcomer, at: now)
        } catch let error as PostgresError where error.isUniqueViolation() {
            // Somebody registered the address, or linked the subject, in the same moment; now it is there to be found.
            return try await linkOnce(identity, or: newcomer, at: now)
        }
    }

    private func linkOnce(
        _ identity: ExternalIdentity, or newcomer: User, at now: Timestamp
    ) async throws -> IdentityLink {
        let (link, isNew) = try await pool.withTransaction { transaction -> (IdentityLink, isNew: Bool) in
            let found = try await transaction.batch([
                """
                SELECT \(fragment: User.columns) FROM users u WHERE u.email_key = \(newcomer.email.key)
                FOR NO KEY UPDATE
                """,
                Self.select(identity),
            ])
            if let row = found[1].first { return (.user(try User(row)), false) }
            if let user = try found[0].first.map(User.init(_:)) {
                guard user.emailVerified else { return (.addressUnconfirmed, false) }
                try await transaction.commit(with: [Self.insert(identity, user.id, at: now)])
                return (.user(user), false)
            }
            let events = try AuthEvents.signedInFirst(newcomer)
            FaultPoint.reached("service.before-commit")
            try await transaction.commit(with: [
                Self.insert(newcomer, lastEvent: events.count), Self.insert(identity, newcomer.id, at: now),
                outbox.insert(events),
            ])
            return (.user(newcomer), true)
        }
        if isNew { outbox.poke() }
        return link
    }

    private static func select(_ identity: ExternalIdentity) -> PostgresQuery {
        """
        SELECT \(fragment: User.columns) FROM user_identities i JOIN users u ON u.id = i.user_id
        WHERE i.issuer = \(identity.issuer) AND i.subject = \(identity.subject)
        """
    }

    private static func insert(_ identity: ExternalIdentity, _ userID: UUIDv7, at now: Timestamp) -> PostgresQuery {
        """
        INSERT INTO user_identities (issuer, subject, user_id, linked_at)
        VALUES (\(identity.issuer), \(identity.subject), \(userID), \(now))
        """
    }
}
