internal import Chronology
internal import CloudEvents
internal import Postgres

/// The table that remembers which events a consumer has handled.
package enum Inbox {
    /// The table, for the first migration of a service that consumes events.
    package static let migration = """
        CREATE TABLE inbox (
            consumer text NOT NULL,
            event_id uuid NOT NULL,
            handled_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (consumer, event_id)
        ) WITH (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);
        CREATE INDEX inbox_handled_at ON inbox USING brin (handled_at) WITH (autosummarize = on);
        """

    /// How long a repeat is known as such.
    package static let retention: Duration = .seconds(30 * 24 * 3600)

    /// Whether an event is to be handled.
    enum Claim: Sendable, Hashable {
        /// Recorded in this transaction: make the effect.
        case taken
        /// Handled before.
        case duplicate
        /// An earlier event of the same aggregate is parked.
        case behindParked
    }

    /// Records the event unless it is a repeat or its aggregate has parked events.
    ///
    /// Waits for a concurrent transaction that records the same event (READ COMMITTED, unique index) and then sees it.
    static func claim(_ event: CloudEvent, identity: EventIdentity, consumer: String) -> PostgresQuery {
        """
        WITH parked AS (
            SELECT FROM dead_letters
            WHERE consumer = \(consumer) AND source = \(event.source) AND subject = \(event.subject as String?)
                AND archived_at IS NULL
            LIMIT 1
        ), taken AS (
            INSERT INTO inbox (consumer, event_id)
            SELECT \(consumer), \(identity.description)::uuid WHERE NOT EXISTS (SELECT FROM parked)
            ON CONFLICT DO NOTHING RETURNING 1
        )
        SELECT EXISTS (SELECT FROM taken), EXISTS (SELECT FROM parked)
        """
    }

    static func decodeClaim(_ rows: PostgresRows) throws(PostgresError) -> Claim {
        let (isTaken, isBehind) = try rows.first(as: Bool.self, Bool.self)
        return isTaken ? .taken : isBehind ? .behindParked : .duplicate
    }

    /// Forgets some of the events handled before an instant; the result's `affectedRows` tells how many.
    static func sweep(consumer: String, before instant: Timestamp, limit: Int) -> PostgresQuery {
        """
        DELETE FROM inbox WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM inbox WHERE handled_at < \(instant) AND consumer = \(consumer) LIMIT \(limit)
        ))
        """
    }
}
