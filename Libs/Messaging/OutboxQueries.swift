internal import CloudEvents
internal import Postgres

/// The relay's statements on the table `outbox`.
enum OutboxQueries {
    /// A row on its way to the broker.
    struct Row: Sendable {
        let position: Int64
        let partitionKey: String
        let event: OutboundEvent
        /// The last of its key that a round takes; there may be more.
        let isCrowded: Bool
    }

    /// Bounds of one reading.
    struct Reading: Sendable, Hashable {
        var rows: Int
        var bytes: Int
        var rowsPerKey: Int
        /// How far it looks for rows of other keys than those at rest.
        var depth = 20_000
    }

    /// Takes the shard for this session, which holds it until it ends. The table's OID tells schemas apart.
    static func lock(shard: Int) -> PostgresQuery {
        "SELECT pg_try_advisory_lock('outbox'::regclass::oid::int4, \(Int32(shard)))"
    }

    /// Ends a session that says nothing for this long: a frozen relay must not keep the shard.
    static func limitSilence(milliseconds: Int64) -> PostgresQuery {
        "SELECT set_config('idle_session_timeout', \(String(milliseconds)), false)"
    }

    /// Has this session read by the primary key in its order. Statistics of a table that is filled and emptied all day
    /// mislead the planner into bitmaps and sorts, which touch every dead row again and again; an index scan marks what it
    /// finds dead, and the next one passes over it.
    static let readInOrder: PostgresQuery = """
        SELECT set_config('enable_bitmapscan', 'off', false), set_config('enable_seqscan', 'off', false)
        """

    /// Clears away the dead rows and, what counts, the index entries that every reading has to pass. Autovacuum looks once
    /// a minute at best, by when a drained outage has left a million.
    static let vacuum = "VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON, TRUNCATE OFF) outbox"

    /// Lets the present transaction commit without waiting for the disk. Rows that a crash brings back are published
    /// again, which consumers must bear anyway.
    static let relaxDurability: PostgresQuery = "SELECT set_config('synchronous_commit', 'off', true)"

    /// The first rows by position, as many as fit the bounds and at least one, without those of the keys held back and of
    /// the keys at rest.
    static func select(
        shard: Int, _ reading: Reading, without heldKeys: [String], resting restingKeys: Set<String> = []
    ) -> PostgresQuery {
        let held: PostgresQuery = heldKeys.isEmpty ? "" : " AND partition_key <> ALL(\(heldKeys))"
        let rows: PostgresQuery =
            restingKeys.isEmpty
            ? "SELECT * FROM outbox WHERE shard = \(Int16(shard))\(fragment: held) ORDER BY position LIMIT \(reading.rows)"
            : """
            SELECT * FROM (
                SELECT * FROM outbox WHERE shard = \(Int16(shard))\(fragment: held)
                ORDER BY position LIMIT \(reading.depth)
            ) AS near WHERE partition_key <> ALL(\(restingKeys.sorted())) ORDER BY position LIMIT \(reading.rows)
            """
        return """
            SELECT position, id::text, type, partition_key, event, place = \(Int64(reading.rowsPerKey))
            FROM (
                SELECT *, sum(octet_length(event)) OVER (ORDER BY position) - octet_length(event) AS bytes_before
                FROM (
                    SELECT *, row_number() OVER (PARTITION BY partition_key ORDER BY position) AS place
                    FROM (\(fragment: rows)) AS first_rows
                ) AS numbered
                WHERE place <= \(Int64(reading.rowsPerKey))
            ) AS measured
            WHERE bytes_before < \(reading.bytes)
            ORDER BY position
            """
    }

    static func decode(_ rows: PostgresRows) throws(PostgresError) -> [Row] {
        var decoded: [Row] = []
        decoded.reserveCapacity(rows.count)
        for row in rows {
            let (position, id, type, key, body, isCrowded) = try row.decode(
                Int64.self, String.self, String.self, String.self, [UInt8].self, Bool.self)
            decoded.append(
                Row(
                    position: position, partitionKey: key,
                    event: OutboundEvent(
                        id: id, routingKey: type, contentType: CloudEventJSONCodec.contentType, body: body),
                    isCrowded: isCrowded))
        }
        return decoded
    }

    static func delete(shard: Int, positions: [Int64]) -> PostgresQuery {
        "DELETE FROM outbox WHERE shard = \(Int16(shard)) AND position = ANY(\(positions))"
    }

    /// The age of the oldest row in seconds (0 without rows) and how many rows there are, counted up to a limit.
    static func backlog(shard: Int, limit: Int) -> PostgresQuery {
        """
        SELECT
            coalesce((
                SELECT (extract(epoch FROM clock_timestamp() - created_at) * 1000)::bigint
                FROM outbox WHERE shard = \(Int16(shard)) ORDER BY position LIMIT 1
            ), 0),
            (SELECT count(*) FROM (SELECT FROM outbox WHERE shard = \(Int16(shard)) LIMIT \(limit)) AS counted)
        """
    }
}
