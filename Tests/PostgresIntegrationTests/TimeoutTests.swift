import Postgres
import Testing
import TestKit

@Suite struct TimeoutTests {
    @Test func aSlowStatementEndsAtItsBoundAndStopsOnTheServer() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.query("SELECT 1")
            let began = ContinuousClock.now
            let error = await postgresError {
                try await pool.query("SELECT pg_sleep(60)", timeout: .milliseconds(200))
            }
            #expect(error?.code == .timedOut)
            #expect(error?.isRetriable == true)
            #expect(error?.isOutcomeUnknown == true)
            #expect(ContinuousClock.now - began < .seconds(20))
            // The one connection is usable only once the server has stopped working for us.
            let rows = try await pool.query("SELECT \(5)")
            #expect(try rows.first(as: Int.self) == 5)
            #expect(ContinuousClock.now - began < .seconds(40))
        }
    }

    @Test func anInnocentNeighbourIsRunAgain() async throws {
        try await withPool(configure: {
            $0.maximumConnections = 1
            $0.cancelGrace = .seconds(20)
        }) { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            async let slow = postgresError {
                try await pool.query("SELECT pg_sleep(60)", timeout: .seconds(2))
            }
            try await eventually("the slow one runs") { await pool.statistics.inFlight > 0 }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 { group.addTask { try await pool.query("INSERT INTO t VALUES (\(number))") } }
                try await group.waitForAll()
            }
            #expect(await slow?.code == .timedOut)
            #expect(try await count("t", pool) == 50)
        }
    }

    @Test func aCancelledTaskIsAnsweredAtOnce() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.query("SELECT 1")
            let task = Task { try await pool.query("SELECT pg_sleep(60)") }
            try await eventually("it runs") { await pool.statistics.inFlight > 0 }
            task.cancel()
            let error = await postgresError { _ = try await task.value }
            #expect(error?.code == .cancelled)
            let rows = try await pool.query("SELECT \(5)")
            #expect(try rows.first(as: Int.self) == 5)
        }
    }

    @Test func aTaskCancelledBeforeItsCallSendsNothing() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            let task = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                try await pool.query("INSERT INTO t VALUES (1)")
            }
            let error = await postgresError { _ = try await task.value }
            #expect(error?.code == .cancelled)
            #expect(error?.isOutcomeUnknown == false)
            #expect(try await count("t", pool) == 0)
        }
    }

    @Test func aTransactionEndsAtItsBound() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            let error = await postgresError {
                try await pool.withTransaction(timeout: .milliseconds(300)) { transaction in
                    try await transaction.query("INSERT INTO t VALUES (1)")
                    try await transaction.query("SELECT pg_sleep(60)")
                }
            }
            #expect(error?.code == .timedOut)
            #expect(error?.isOutcomeUnknown == false)
            #expect(try await count("t", pool) == 0)
        }
    }

    @Test func aTransactionPastItsBoundSendsNothingMore() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            let error = await postgresError {
                _ = try await pool.withTransaction(timeout: .milliseconds(500)) { transaction in
                    let end = pool.loop.now + .milliseconds(500)
                    try await transaction.query("INSERT INTO t VALUES (1)")
                    try await eventually("the bound has passed") { pool.loop.now >= end }
                }
            }
            #expect(error?.code == .timedOut)
            #expect(error?.isOutcomeUnknown == false)
            #expect(try await count("t", pool) == 0)
        }
    }

    @Test func theServersOwnBoundIsATimeout() async throws {
        try await withPool(configure: { $0.statementTimeout = .milliseconds(100) }) { pool in
            let error = await postgresError { try await pool.query("SELECT pg_sleep(60)") }
            #expect(error?.code == .timedOut)
            #expect(error?.isOutcomeUnknown == false)
        }
    }

    @Test func anExhaustedPoolRefusesWithinTheBound() async throws {
        try await withPool(configure: {
            $0.maximumConnections = 2
            $0.maximumWaiters = 3
        }) { pool in
            try await pool.withConnection { _ in
                try await pool.withConnection { _ in
                    let error = await postgresError { try await pool.query("SELECT 1", timeout: .milliseconds(100)) }
                    #expect(error?.code == .poolExhausted)
                    #expect(error?.isRetriable == true)
                    let waiting = (0..<3).map { _ in Task { try await pool.query("SELECT 1") } }
                    try await eventually("three wait") { await pool.statistics.waiting == 3 }
                    let refused = await postgresError { try await pool.query("SELECT 1") }
                    #expect(refused?.code == .poolExhausted)
                    waiting[1].cancel()
                    try await eventually("one has gone") { await pool.statistics.waiting == 2 }
                    #expect(await postgresError { _ = try await waiting[1].value }?.code == .cancelled)
                    waiting[0].cancel()
                    waiting[2].cancel()
                }
            }
        }
    }

    @Test func waitersAreServedInOrder() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.query("CREATE TABLE t (place bigserial, a bigint)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await pool.withConnection { _ in
                    for number in 0..<20 {
                        group.addTask {
                            _ = try await pool.withTransaction {
                                try await $0.query("INSERT INTO t (a) VALUES (\(number))")
                            }
                        }
                        try await eventually("it waits") { await pool.statistics.waiting == number + 1 }
                    }
                }
                try await group.waitForAll()
            }
            let rows = try await pool.query("SELECT a FROM t ORDER BY place")
            #expect(try rows.map { try $0.decode(Int.self, at: 0) } == Array(0..<20))
        }
    }
}
