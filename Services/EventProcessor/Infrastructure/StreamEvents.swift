package import Chronology
package import CloudEvents
package import Messaging
package import Postgres
package import ProcessorApplication
import FaultPoints
import ServiceRuntime

/// The latest events of each user, kept so that a live stream that broke off can go on where it was.
package struct StreamEvents: StreamEventHistory {
    /// How long events are kept.
    package static let retention = Duration.seconds(3600)
    /// The most events of an excerpt.
    package static let pageLength = 100
    static let sweepLength = 10_000

    static let migration = """
        CREATE TABLE stream_events (
            position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            user_id uuid NOT NULL,
            event_id text NOT NULL,
            type text NOT NULL,
            event bytea NOT NULL,
            stored_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX stream_events_of_user ON stream_events (user_id, position);
        CREATE INDEX stream_events_by_age ON stream_events (stored_at);
        """

    private let pool: PostgresPool

    package init(pool: PostgresPool) { self.pool = pool }

    /// The place of an event among a user's; nil where it is not kept.
    package func position(of event: String, of user: UUIDv7) async throws -> Int64? {
        try await pool.query(
            "SELECT position FROM stream_events WHERE user_id = \(user) AND event_id = \(event)"
        ).first?.decode(Int64.self, at: 0)
    }

    /// A user's events after a position.
    ///
    /// Events of one user are stored one after the other, as the consumer has one event of a key in flight: none appears
    /// later before one that was seen.
    package func excerpt(of user: UUIDv7, after position: Int64) async throws -> StreamExcerpt {
        let rows = try await pool.query(
            """
            SELECT position, event_id, type, event FROM stream_events
            WHERE user_id = \(user) AND position > \(position)
            ORDER BY position LIMIT \(Self.pageLength + 1)
            """)
        var end = position
        let entries = try rows.prefix(Self.pageLength).map { row in
            let (position, id, type, event) = try row.decode(Int64.self, String.self, String.self, [UInt8].self)
            end = position
            return StreamExcerpt.Entry(id: id, type: type, event: String(decoding: event, as: UTF8.self))
        }
        return StreamExcerpt(entries: entries, position: end, hasMore: rows.count > Self.pageLength)
    }

    /// Forgets what is older than the retention; how many events that were.
    @discardableResult
    package func sweep(retention: Duration = Self.retention) async throws -> Int {
        var swept = 0
        while true {
            let rows = try await pool.query(
                """
                WITH old AS (
                    SELECT position FROM stream_events WHERE stored_at < now() - make_interval(secs => \(retention.components.seconds)::double precision)
                    ORDER BY stored_at LIMIT \(Self.sweepLength)
                ), gone AS (DELETE FROM stream_events s USING old WHERE s.position = old.position RETURNING 1)
                SELECT count(*) FROM gone
                """)
            let count = try rows[0].decode(Int64.self, at: 0)
            swept += Int(count)
            guard count == Self.sweepLength else { return swept }
        }
    }
}

/// Keeps what live streams show, unless the user's account is gone.
package struct StreamEventHandler: EventHandler {
    package let types = EventQueues.streams.bindings

    package init() {}

    package func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        guard let key = event.partitionKey, let user = try? UUIDv7(parsing: key) else {
            throw HandlerFailure(.unprocessable, "the event names no user")
        }
        try await transaction.batch([
            Recipients.lock(user),
            """
            INSERT INTO stream_events (user_id, event_id, type, event)
            SELECT \(user), \(event.id), \(event.type), \(CloudEventJSONCodec.encode(event))
            WHERE NOT EXISTS (SELECT FROM erased_users WHERE user_id = \(user))
            """,
        ])
        FaultPoint.reached("consumer.after-effect-before-commit")
    }
}
