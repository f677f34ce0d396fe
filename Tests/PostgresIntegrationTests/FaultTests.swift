import EventLoop
import Postgres
import ServersTesting
import Testing
import TestKit

/// Each test has a server of its own, because it kills it.
@Suite(.serialized) struct FaultTests {
    @Test func healsAfterTheServerWasKilled() async throws {
        let server = try await TestPostgres.start()
        try await withPool(
            try await server.makeDatabase(),
            configure: {
                $0.minimumConnections = 2
                $0.unavailableTimeout = .milliseconds(500)
            }
        ) { pool in
            try await pool.query("CREATE TABLE t (a bigint PRIMARY KEY)")
            let ledger = Shared(Ledger())
            let writers = (0..<4).map { writer in Task { await write(pool, from: writer * 1_000_000, ledger) } }
            try await eventually("some writes") { ledger.withLock { $0.acknowledged.count > 50 } }
            try await server.kill()
            try await eventually("the outage is seen") { await pool.statistics.connections == 0 }
            let refused = await postgresError { try await pool.query("SELECT 1", timeout: .seconds(1)) }
            #expect(refused?.isRetriable == true)
            try await server.restart()
            try await eventually("the pool has healed") { isReady(await pool.state) }
            let before = ledger.withLock { $0.acknowledged.count }
            try await eventually("writes go on") { ledger.withLock { $0.acknowledged.count > before + 50 } }
            for writer in writers { writer.cancel() }
            for writer in writers { await writer.value }
            let stored = Set(try await pool.query("SELECT a FROM t").map { try $0.decode(Int.self, at: 0) })
            let final = ledger.withLock { $0 }
            #expect(final.acknowledged.isSubset(of: stored), "an acknowledged write was lost")
            #expect(stored.isSubset(of: final.acknowledged.union(final.unknown)), "a refused write was made")
            #expect(final.wrong.isEmpty, "not retriable: \(final.wrong)")
        }
        try await server.stop()
    }

    @Test func aTransactionThatLosesItsServerFails() async throws {
        let server = try await TestPostgres.start()
        try await withPool(try await server.makeDatabase()) { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            let error = await postgresError {
                try await pool.withTransaction { transaction in
                    try await transaction.query("INSERT INTO t VALUES (1)")
                    try await server.kill()
                    try await transaction.query("INSERT INTO t VALUES (2)")
                }
            }
            #expect(error?.isRetriable == true)
            #expect(error?.isOutcomeUnknown == false)
            try await server.restart()
            #expect(try await count("t", pool) == 0)
        }
        try await server.stop()
    }

    /// Nothing answers and nothing is closed: only the pool's own bounds help.
    @Test func aFrozenServerHoldsNobodyUp() async throws {
        let server = try await TestPostgres.start()
        try await withPool(
            try await server.makeDatabase(),
            configure: {
                $0.connectTimeout = .seconds(2)
                $0.cancelGrace = .milliseconds(500)
                $0.unavailableTimeout = .seconds(1)
            }
        ) { pool in
            try await pool.query("SELECT 1")
            try await server.pause()
            for _ in 0..<3 {
                let began = ContinuousClock.now
                let error = await postgresError { try await pool.query("SELECT 1", timeout: .milliseconds(300)) }
                #expect(error?.isRetriable == true)
                #expect(ContinuousClock.now - began < .seconds(30))
            }
            try await eventually("the frozen connection is given up") { await pool.statistics.connections == 0 }
            try await server.resume()
            try await eventually("the pool has healed") { isReady(await pool.state) }
            let rows = try await pool.query("SELECT 1::bigint")
            #expect(try rows.first(as: Int.self) == 1)
        }
        try await server.stop()
    }

    @Test func aFrozenServerIsNoticedWithoutACall() async throws {
        let server = try await TestPostgres.start()
        try await withPool(
            try await server.makeDatabase(),
            configure: {
                $0.probeInterval = .milliseconds(50)
                $0.callTimeout = .seconds(1)
                $0.cancelGrace = .milliseconds(300)
            }
        ) { pool in
            try await eventually("a connection") { isReady(await pool.state) }
            try await server.pause()
            try await eventually("a probe finds out") { !isReady(await pool.state) }
            try await server.resume()
            try await eventually("the pool has healed") { isReady(await pool.state) }
        }
        try await server.stop()
    }

    @Test func aTerminatedBackendIsReplaced() async throws {
        try await withPool(configure: { $0.maximumConnections = 2 }) { pool in
            let before = try await pool.query("SELECT pg_backend_pid()").first(as: Int.self)
            let error = await postgresError { try await pool.query("SELECT pg_terminate_backend(pg_backend_pid())") }
            #expect(error?.isRetriable == true)
            let rows = try await pool.query("SELECT pg_backend_pid()")
            #expect(try rows.first(as: Int.self) != before)
        }
    }

    @Test func startsBeforeItsServer() async throws {
        let server = try await TestPostgres.start()
        let url = try await server.makeDatabase()
        try await server.kill()
        try await withPool(url) { pool in
            try await eventually("the outage is seen") {
                if case .unavailable = await pool.state { true } else { false }
            }
            async let answer = pool.query("SELECT 7::bigint", timeout: .seconds(60))
            try await server.restart()
            let rows = try await answer
            #expect(try rows.first(as: Int.self) == 7)
        }
        try await server.stop()
    }
}

/// What the writers were told about each number.
private struct Ledger {
    var acknowledged: Set<Int> = []
    var unknown: Set<Int> = []
    var wrong: [String] = []
}

private func write(_ pool: PostgresPool, from first: Int, _ ledger: Shared<Ledger>) async {
    var number = first
    while !Task.isCancelled {
        number += 1
        do {
            try await pool.batch(["INSERT INTO t VALUES (\(number))", "SELECT 1"])
            ledger.withLock { _ = $0.acknowledged.insert(number) }
        } catch {
            ledger.withLock {
                if error.isOutcomeUnknown { $0.unknown.insert(number) }
                if !error.isRetriable && error.code != .cancelled { $0.wrong.append("\(error)") }
            }
        }
    }
}

private func isReady(_ state: PostgresPool.State) -> Bool {
    if case .ready = state { true } else { false }
}
