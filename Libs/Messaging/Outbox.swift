package import Postgres
internal import Chronology
internal import CloudEvents

/// The only way to publish: rows written in the transaction of the change they tell of, relayed after its commit.
package final class Outbox: Sendable {
    /// The table, for the first migration of a service; it lies in the service's own schema.
    ///
    /// A row's `position` is drawn under the lock of its aggregate's row, so for one aggregate the order of positions is
    /// that of commits. Across aggregates a lower position may become visible later than a higher one.
    package static let migration = """
        CREATE TABLE outbox (
            shard smallint NOT NULL,
            position bigint GENERATED ALWAYS AS IDENTITY,
            id uuid NOT NULL,
            type text NOT NULL,
            partition_key text NOT NULL,
            event bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (shard, position)
        ) WITH (
            autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
            autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
            autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000
        );
        """

    /// How many relays may work side by side; each partition key belongs to one shard for good.
    package let shardCount: Int
    let wake = WakeSignal()

    /// - Parameter shardCount: 1 and up. To change it, the outbox must be empty, or order is lost.
    package init(shardCount: Int = 1) {
        precondition(shardCount >= 1 && shardCount <= Int(Int16.max), "an outbox has 1 to 32767 shards")
        self.shardCount = shardCount
    }

    /// The statement that writes events, in their order; it belongs into the transaction of the change.
    ///
    /// - Parameter condition: which of them, of the columns `id`, `type` and `partition_key`, for a statement that finds that
    ///   out itself.
    package func insert(_ events: [OutboxEvent], where condition: PostgresQuery = "true") -> PostgresQuery {
        """
        INSERT INTO outbox (shard, id, type, partition_key, event)
        SELECT shard, id, type, partition_key, event
        FROM unnest(
            \(events.map { shard(of: $0.partitionKey) }), \(events.map(\.id)), \(events.map(\.event.type)),
            \(events.map(\.partitionKey)), \(events.map { CloudEventJSONCodec.encode($0.event) })
        ) WITH ORDINALITY AS written (shard, id, type, partition_key, event, number)
        WHERE \(fragment: condition) ORDER BY number
        """
    }

    /// Tells the relay of this process that there is something to publish; call after the commit.
    package func poke() { wake.raise() }

    /// FNV-1a over the key: the same in every process and version.
    private func shard(of key: String) -> Int16 {
        guard shardCount > 1 else { return 0 }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int16(hash % UInt64(shardCount))
    }
}
