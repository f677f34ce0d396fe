import Chronology
import Observability
import Postgres
import Testing
import TestKit

@testable import Messaging

/// Old repeats are forgotten, in small steps, and of one consumer only.
struct InboxSweeperTests {
    @Test func forgetsWhatIsOlderThanAnyRepeat() async throws {
        try await MessagingBench.with { bench in
            let now = Timestamp(secondsSinceEpoch: 1_800_000_000)
            let old = now - Inbox.retention - .seconds(1)
            let young = now - Inbox.retention + .seconds(1)
            for (consumer, instant, rows) in [("a", old, 1_234), ("a", young, 10), ("b", old, 7)] {
                try await bench.pool.query(
                    """
                    INSERT INTO inbox (consumer, event_id, handled_at)
                    SELECT \(consumer), gen_random_uuid(), \(instant) FROM generate_series(1, \(rows))
                    """)
            }
            let sweeper = InboxSweeper(consumer: "a", pool: bench.pool, logger: .silent, rows: 100)
            #expect(try await sweeper.sweep(now: now) == 1_234)
            #expect(try await sweeper.sweep(now: now) == 0)
            let left = try await bench.pool.query(
                "SELECT consumer, count(*) FROM inbox GROUP BY consumer ORDER BY consumer"
            ).map { try $0.decode(String.self, Int.self) }
            #expect(left.map(\.0) == ["a", "b"] && left.map(\.1) == [10, 7])
        }
    }

    @Test func sweepsNowAndThen() async throws {
        try await MessagingBench.with { bench in
            try await bench.pool.query(
                """
                INSERT INTO inbox (consumer, event_id, handled_at)
                SELECT 'a', gen_random_uuid(), clock_timestamp() - interval '31 days' FROM generate_series(1, 50)
                """)
            let sweeper = InboxSweeper(
                consumer: "a", pool: bench.pool, logger: .silent, interval: .milliseconds(20), rows: 10)
            try await bench.running({ await sweeper.run() }) {
                try await eventually("the inbox is empty") { try await bench.count("inbox") == 0 }
            }
        }
    }

    /// The sweep of a large inbox reads what it deletes, by the block range index, not the table.
    @Test func readsByTheIndex() async throws {
        try await MessagingBench.with { bench in
            try await bench.pool.query(
                """
                INSERT INTO inbox (consumer, event_id, handled_at)
                SELECT 'a', gen_random_uuid(), timestamptz '2026-01-01' + number * interval '10 seconds'
                FROM generate_series(1, 100000) AS number
                """, timeout: patience)
            try await bench.pool.withConnection { session in try await session.script("VACUUM ANALYZE inbox") }
            let plan = try await bench.pool.query(
                "EXPLAIN \(fragment: Inbox.sweep(consumer: "a", before: Timestamp(secondsSinceEpoch: 0), limit: 10))"
            ).map { try $0.decode(String.self, at: 0) }.joined(separator: "\n")
            #expect(plan.contains("inbox_handled_at"), "\(plan)")
            #expect(!plan.contains("Seq Scan"), "\(plan)")
        }
    }
}
