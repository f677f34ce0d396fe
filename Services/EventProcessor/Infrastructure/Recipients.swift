import Chronology
import CloudEvents
import Postgres
import ProcessorDomain

/// Who can be written to, and the events that wait until somebody is known.
///
/// Events of two services are not ordered among each other, and those of one user are handled one after the other: waiting
/// in the queue for a registration would hold back that very registration.
enum Recipients {
    static let migration = """
        CREATE TABLE waiting_events (
            position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            user_id uuid NOT NULL,
            event bytea NOT NULL
        );
        CREATE INDEX waiting_events_user ON waiting_events (user_id, position);
        """

    /// Makes somebody known.
    ///
    /// - Returns: the events that waited for that, in the order in which they came; they wait no more.
    static func register(_ recipient: Recipient, in transaction: PostgresTransaction) async throws -> [CloudEvent] {
        let results = try await transaction.batch([
            lock(recipient.userID),
            """
            INSERT INTO recipients (user_id, email, display_name)
            SELECT \(recipient.userID), \(recipient.email), \(recipient.displayName)
            WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = \(recipient.userID))
            ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, display_name = excluded.display_name
            """,
            """
            WITH due AS (DELETE FROM waiting_events WHERE user_id = \(recipient.userID) RETURNING position, event)
            SELECT event FROM due ORDER BY position
            """,
        ])
        return try results[2].map { try CloudEventJSONCodec.decode($0.decode([UInt8].self, at: 0)) }
    }

    /// The recipient; nil while there is none, which stays so until the end of the transaction.
    static func find(_ userID: UUIDv7, in transaction: PostgresTransaction) async throws -> Recipient? {
        let results = try await transaction.batch([
            lock(userID), "SELECT email, display_name FROM recipients WHERE user_id = \(userID)",
        ])
        guard let row = results[1].first else { return nil }
        let (email, displayName) = try row.decode(String.self, String.self)
        return Recipient(userID: userID, email: email, displayName: displayName)
    }

    /// Gives somebody who is known another name and address.
    static func change(_ recipient: Recipient, in transaction: PostgresTransaction) async throws {
        try await transaction.batch([
            lock(recipient.userID),
            """
            UPDATE recipients SET email = \(recipient.email), display_name = \(recipient.displayName)
            WHERE user_id = \(recipient.userID)
            """,
        ])
    }

    /// Whether somebody's account is gone, so that no mail is for them any more.
    static func isErased(_ userID: UUIDv7, in transaction: PostgresTransaction) async throws -> Bool {
        try await transaction.query("SELECT EXISTS (SELECT FROM erased_users WHERE user_id = \(userID))")
            .first(as: Bool.self)
    }

    /// Keeps an event until `register` makes the user known, unless their account is gone; for after `find`, in the same
    /// transaction.
    static func keep(_ event: CloudEvent, for userID: UUIDv7, in transaction: PostgresTransaction) async throws {
        _ = try await transaction.query(
            """
            INSERT INTO waiting_events (user_id, event) SELECT \(userID), \(CloudEventJSONCodec.encode(event))
            WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = \(userID))
            """)
    }

    /// One transaction at a time deals with a user. Otherwise one that keeps an event and one that makes its user known could
    /// each miss what the other has not committed yet (READ COMMITTED), and the event would wait for ever.
    static func lock(_ userID: UUIDv7) -> PostgresQuery {
        "SELECT pg_advisory_xact_lock(hashtextextended(\(userID.description), 0))"
    }
}
