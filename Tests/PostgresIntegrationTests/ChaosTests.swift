import EventLoop
import Postgres
import Testing
import TestKit

/// Everything at once, in an order that a seed decides: callers that fail, give up or are cancelled, transactions, lost
/// connections. What was acknowledged must be there, what was refused must not, and the pool must come to rest.
@Suite struct ChaosTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func nothingIsLostAndNothingIsMixedUp(seed: UInt64) async throws {
        try await withPool(configure: {
            $0.maximumConnections = 4
            $0.callTimeout = .seconds(60)
        }) { pool in
            try await pool.query("CREATE TABLE t (a bigint PRIMARY KEY, b bigint NOT NULL)")
            let outcome = Shared(Outcome())
            await withTaskGroup(of: Void.self) { group in
                for caller in 0..<24 {
                    group.addTask {
                        var random = SeededGenerator(seed: seed &* 1000 &+ UInt64(caller))
                        for step in 0..<40 { await act(caller * 1000 + step, pool, &random, outcome) }
                    }
                }
            }
            try await eventually("the pool is at rest") {
                let now = await pool.statistics
                return now.inFlight == 0 && now.waiting == 0 && now.idle == now.connections && now.connections > 0
            }
            let rows = try await pool.query("SELECT a, b FROM t")
            let stored = try Set(rows.map { try $0.decode(Int.self, at: 0) })
            let wrong = try rows.filter { try $0.decode(Int.self, at: 0) * 2 != $0.decode(Int.self, at: 1) }
            let final = outcome.withLock { $0 }
            #expect(final.acknowledged.subtracting(stored).isEmpty, "acknowledged and lost")
            #expect(stored.subtracting(final.acknowledged).subtracting(final.unknown).isEmpty, "refused and stored")
            #expect(wrong.isEmpty, "the statements of two callers were mixed up")
            #expect(final.unexpected.isEmpty, "\(final.unexpected)")
            #expect(final.acknowledged.count > 200)
        }
    }
}

private struct Outcome {
    var acknowledged: Set<Int> = []
    var unknown: Set<Int> = []
    var unexpected: [String] = []
}

private struct GaveUp: Error {}

/// One caller's step: some way of writing `number`, and what the caller was told.
private func act(
    _ number: Int, _ pool: PostgresPool, _ random: inout SeededGenerator, _ outcome: Shared<Outcome>
) async {
    let kind = Int.random(in: 0..<12, using: &random)
    do {
        try await write(number, kind, pool)
        outcome.withLock { _ = $0.acknowledged.insert(number) }
    } catch let error as PostgresError {
        outcome.withLock {
            if error.isOutcomeUnknown { $0.unknown.insert(number) }
            let isExpected =
                error.isRetriable || error.code == .cancelled || error.isUniqueViolation()
                || error.sqlState == SQLState("22012")
            if !isExpected { $0.unexpected.append("\(kind): \(error)") }
        }
    } catch is GaveUp {
        return
    } catch {
        outcome.withLock { $0.unexpected.append("\(error)") }
    }
}

private func write(_ number: Int, _ kind: Int, _ pool: PostgresPool) async throws {
    let insert: PostgresQuery = "INSERT INTO t VALUES (\(number), \(number) * 2)"
    switch kind {
    case 0: try await pool.batch([insert, "SELECT 1 / 0"])
    case 1: try await pool.batch([insert, insert])
    case 2: try await pool.batch([insert, "SELECT pg_sleep(20)"], timeout: .milliseconds(30))
    case 3: try await cancelled { try await pool.batch([insert, "SELECT pg_sleep(20)"]) }
    case 4:
        try await pool.withTransaction { transaction in
            try await transaction.query(insert)
            throw GaveUp()
        }
    case 5:
        try await pool.withTransaction { transaction in
            let row = try await transaction.query("SELECT count(*) FROM t WHERE a = \(number)")
            #expect(try row.first(as: Int.self) == 0)
            try await transaction.commit(with: [insert])
        }
    case 6:
        try await pool.withTransaction(timeout: .milliseconds(50)) { transaction in
            try await transaction.query(insert)
            try await transaction.query("SELECT pg_sleep(20)")
        }
    case 7 where number.isMultiple(of: 5):
        try await pool.batch([insert, "SELECT pg_terminate_backend(pg_backend_pid())"])
    default: try await pool.batch([insert, "SELECT \(number) AS \(identifier: "n\(number % 5)")"])
    }
}

/// Runs `body` in a task that is cancelled while it runs.
private func cancelled(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let task = Task { try await body() }
    try await Task.sleep(for: .milliseconds(3))
    task.cancel()
    try await task.value
}
