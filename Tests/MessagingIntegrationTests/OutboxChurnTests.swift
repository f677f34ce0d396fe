import Foundation
import Postgres
import Testing
import TestKit

@testable import Messaging

/// An outbox through which many rows have gone is as cheap as a new one.
///
/// `FLORIN_OUTBOX_CHURN` sets how many rows go through, 20,000 without it; 500,000 and more show that the cost does not grow.
struct OutboxChurnTests {
    private static let rows = ProcessInfo.processInfo.environment["FLORIN_OUTBOX_CHURN"].flatMap { Int($0) } ?? 20_000
    private static let reading = OutboxQueries.Reading(rows: 500, bytes: 4 << 20, rowsPerKey: 32)

    @Test func theCostOfAReadingStays() async throws {
        try await MessagingBench.with { bench in
            try await fill(bench, rows: 500)
            let before = try await cost(bench)
            try await bench.relaying(.init(), publisher: ConfirmingPublisher()) { _ in
                for _ in stride(from: 0, to: Self.rows, by: 5_000) {
                    try await fill(bench, rows: 5_000)
                    bench.outbox.poke()
                    try await eventually("it drains") { try await bench.count("outbox") < 5_000 }
                }
                try await eventually("it drains") { try await bench.count("outbox") == 0 }
            }
            try await fill(bench, rows: 500)
            // Once a deletion is on disk nobody reads its row again, and the relay has the dead index entries cleared away.
            let bound = before.blocks + 200
            var after = try await cost(bench)
            try await eventually("dead rows are passed over") {
                after = try await cost(bench)
                return after.blocks < bound
            }
            print("outbox: a reading of 500 rows took \(before), after \(Self.rows) rows gone through \(after)")
            #expect(after.plan.contains("Index Scan using outbox_pkey"), "\(after.plan)")
        }
    }

    private struct Cost: CustomStringConvertible {
        let blocks: Int
        let milliseconds: Double
        let plan: String

        var description: String { "\(blocks) blocks, \(milliseconds) ms" }
    }

    private func fill(_ bench: MessagingBench, rows: Int) async throws {
        try await bench.pool.query(
            """
            INSERT INTO outbox (shard, id, type, partition_key, event)
            SELECT 0, gen_random_uuid(), 'florin.test.happened.v1', 'k' || number % 1000, decode(repeat('61', 600), 'hex')
            FROM generate_series(1, \(rows)) AS number
            """, timeout: patience)
    }

    /// What the relay's reading costs now; the second time, when what the first has found dead is marked.
    private func cost(_ bench: MessagingBench) async throws -> Cost {
        let query = OutboxQueries.select(shard: 0, Self.reading, without: [])
        let plan = try await bench.pool.withConnection { session in
            try await session.query(OutboxQueries.readInOrder)
            _ = try await session.query(query)
            return try await session.query("EXPLAIN (ANALYZE, BUFFERS) \(fragment: query)", timeout: patience).map {
                try $0.decode(String.self, at: 0)
            }.joined(separator: "\n")
        }
        let hits = plan.split(separator: "\n").first { $0.contains("Buffers:") } ?? ""
        let blocks = hits.split(whereSeparator: { " =".contains($0) }).compactMap { Int($0) }.reduce(0, +)
        let time = plan.split(separator: "\n").first { $0.contains("Execution Time:") }?.split(separator: " ") ?? []
        return Cost(blocks: blocks, milliseconds: time.compactMap { Double($0) }.first ?? 0, plan: plan)
    }
}

/// A broker that takes everything at once.
private struct ConfirmingPublisher: EventPublisher {
    func publish(_ events: [OutboundEvent]) async -> [PublishOutcome] { events.map { _ in .confirmed } }
}
