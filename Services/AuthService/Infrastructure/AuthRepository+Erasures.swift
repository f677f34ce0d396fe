package import AuthApplication
package import AuthDomain
package import Chronology
package import Idempotency
package import Validation
import FaultPoints
import Messaging
import Postgres

extension AuthRepository: ErasureStore {
    /// `user_id` stays, which belongs to nobody any more: a gateway that has not heard of the end can be told later.
    static let erasures = """
        CREATE TABLE erasures (
            id text PRIMARY KEY,
            user_id uuid NOT NULL,
            requested_at timestamptz NOT NULL
        );
        CREATE INDEX erasures_requested_at ON erasures (requested_at);

        CREATE TABLE erasure_confirmations (
            erasure_id text NOT NULL REFERENCES erasures (id) ON DELETE CASCADE,
            service text NOT NULL CHECK (service IN ('auth', 'expense', 'portfolio', 'processor')),
            erased_at timestamptz NOT NULL,
            PRIMARY KEY (erasure_id, service)
        );

        """

    package func erase(
        _ erasure: AccountErasure, if precondition: VersionPrecondition, receipt: IdempotencyReceipt?,
        at now: Timestamp
    ) async throws -> Bool {
        let isErased = try await pool.retryingConflicts {
            try await pool.withTransaction { transaction in
                let results = try await transaction.batch(Self.ending(erasure.userID, at: now))
                guard let row = results[0].first else { return false }
                let (version, sequence) = try row.decode(Int64.self, Int64.self)
                try precondition.check(version)
                var sessions: [UUIDv7] = []
                for row in results[2] {
                    let (id, goesOn) = try row.decode(UUIDv7.self, Bool.self)
                    if goesOn { sessions.append(id) }
                }
                let events = try AuthEvents.userDeleted(erasure, sessions, after: sequence, at: now)
                FaultPoint.reached("service.before-commit")
                try await transaction.commit(
                    with: Self.deleting(erasure, at: now) + [outbox.insert(events)] + Self.kept(receipt))
                return true
            }
        }
        FaultPoint.reached("service.after-commit-before-answer")
        if isErased { outbox.poke() }
        return isErased
    }

    package func erasure(_ id: String) async throws -> Erasure? {
        let results = try await pool.batch([
            "SELECT requested_at FROM erasures WHERE id = \(id)",
            "SELECT service, erased_at FROM erasure_confirmations WHERE erasure_id = \(id)",
        ])
        guard let row = results[0].first else { return nil }
        var confirmations: [ErasureParty: Timestamp] = [:]
        for row in results[1] {
            let (service, erasedAt) = try row.decode(String.self, Timestamp.self)
            guard let party = ErasureParty(rawValue: service) else {
                throw StoredValueError(column: "erasure_confirmations.service")
            }
            confirmations[party] = erasedAt
        }
        return Erasure(id: id, requestedAt: try row.decode(Timestamp.self, at: 0), confirmations: confirmations)
    }

    /// Locks in the order user, token, session: no session begins any more when the last statement looks for them.
    private static func ending(_ userID: UUIDv7, at now: Timestamp) -> [PostgresQuery] {
        [
            "SELECT version, event_sequence FROM users WHERE id = \(userID) FOR UPDATE",
            "DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = \(userID))",
            "DELETE FROM sessions WHERE user_id = \(userID) RETURNING id, ended_at IS NULL AND expires_at > \(now)",
        ]
    }

    /// Everything that refers to the user goes with the row.
    private static func deleting(_ erasure: AccountErasure, at now: Timestamp) -> [PostgresQuery] {
        [
            """
            DELETE FROM address_requests
            WHERE lower(email) = (SELECT email_key FROM users WHERE id = \(erasure.userID))
            """,
            "DELETE FROM users WHERE id = \(erasure.userID)",
            "DELETE FROM idempotency_keys WHERE user_id = ANY(\([erasure.userID, erasure.registrationOwner]))",
            "INSERT INTO erasures (id, user_id, requested_at) VALUES (\(erasure.erasureID), \(erasure.userID), \(now))",
            """
            INSERT INTO erasure_confirmations (erasure_id, service, erased_at)
            VALUES (\(erasure.erasureID), \(ErasureParty.auth.rawValue), \(now))
            """,
        ]
    }
}
