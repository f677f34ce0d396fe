import Postgres
import Testing
import TestKit

@Suite struct BatchTests {
    @Test func returnsTheRowsOfEachStatementInOrder() async throws {
        try await withPool { pool in
            let results = try await pool.batch([
                "CREATE TABLE t (a bigint, b text)",
                "INSERT INTO t VALUES (\(1), \("one")), (\(2), \("two"))",
                "SELECT a, b FROM t ORDER BY a",
            ])
            #expect(results.map(\.count) == [0, 0, 2])
            #expect(results[1].affectedRows == 2)
            #expect(results[2].columnNames == ["a", "b"])
            #expect(try results[2].map { try $0.decode(Int.self, String.self).1 } == ["one", "two"])
        }
    }

    @Test func isAllOrNothing() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint PRIMARY KEY)")
            let error = await postgresError {
                try await pool.batch([
                    "INSERT INTO t VALUES (\(1))", "INSERT INTO t VALUES (\(2))", "INSERT INTO t VALUES (\(1))",
                    "INSERT INTO t VALUES (\(3))",
                ])
            }
            #expect(error?.isUniqueViolation(of: "t_pkey") == true)
            #expect(error?.isOutcomeUnknown == false)
            #expect(try await count("t", pool) == 0)
        }
    }

    /// Batches that fail and batches that succeed, mixed on one connection, with the same and with new statements.
    @Test func failuresStayWithTheirOwnBatch() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.query("CREATE TABLE t (a bigint PRIMARY KEY)")
            let outcomes = await withTaskGroup(of: (Int, Bool).self) { group in
                for number in 0..<200 {
                    group.addTask { (number, await insertTwice(number, fails: number.isMultiple(of: 3), pool)) }
                }
                return await group.reduce(into: [Int: Bool]()) { $0[$1.0] = $1.1 }
            }
            for number in 0..<200 { #expect(outcomes[number] == !number.isMultiple(of: 3), "batch \(number)") }
            let rows = try await pool.query("SELECT a FROM t ORDER BY a")
            let expected = (0..<200).filter { !$0.isMultiple(of: 3) }.flatMap { [$0 * 2, $0 * 2 + 1] }
            #expect(try rows.map { try $0.decode(Int.self, at: 0) } == expected)
        }
    }

    /// The server checks it when it commits, at the end of the batch: every statement has succeeded by then.
    @Test func aFailureOfTheCommitItselfStaysWithItsBatch() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.query("CREATE TABLE t (a bigint, CONSTRAINT once UNIQUE (a) DEFERRABLE INITIALLY DEFERRED)")
            let before = try await pool.query("SELECT pg_backend_pid()").first(as: Int.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<30 {
                    group.addTask {
                        if number.isMultiple(of: 3) {
                            let error = await postgresError {
                                try await pool.batch(["INSERT INTO t VALUES (\(-1))", "INSERT INTO t VALUES (\(-1))"])
                            }
                            #expect(error?.isUniqueViolation(of: "once") == true)
                        } else {
                            try await pool.query("INSERT INTO t VALUES (\(number))")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await count("t", pool) == 20)
            let after = try await pool.query("SELECT pg_backend_pid()").first(as: Int.self)
            #expect(before == after, "the connection was lost")
        }
    }

    @Test func hundredsAreOnTheirWayAtOnceOverOneConnection() async throws {
        try await withPool(configure: {
            $0.maximumConnections = 1
            $0.pipelineDepth = 500
        }) { pool in
            try await pool.query("SELECT 1")
            async let slow = pool.query("SELECT pg_sleep(3)")
            try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for number in 0..<400 {
                    group.addTask {
                        let rows = try await pool.query("SELECT \(number) * 2")
                        return (number, try rows.first(as: Int.self))
                    }
                }
                try await eventually("400 batches in flight") { await pool.statistics.inFlight > 300 }
                for try await (number, double) in group { #expect(double == number * 2) }
            }
            _ = try await slow
            #expect(await pool.statistics.connections == 1)
        }
    }

    @Test func preparesEachStatementOnce() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            for number in 0..<20 { try await pool.query("SELECT \(number)") }
            for number in 0..<20 { try await pool.query("SELECT \(String(number))") }
            let rows = try await pool.query(
                "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT $1'")
            // The same text with a number and with a text are two statements.
            #expect(try rows.first(as: Int.self) == 2)
        }
    }

    @Test func keepsABoundedNumberOfPreparedStatements() async throws {
        try await withPool(configure: {
            $0.maximumConnections = 1
            $0.statementLimit = 8
        }) { pool in
            for number in 0..<50 {
                let rows = try await pool.query("SELECT \(unescaped: String(number))")
                #expect(try rows.first(as: Int.self) == number)
            }
            // One more call sends out what was due after the last eviction.
            try await pool.query("SELECT 49")
            let rows = try await pool.query("SELECT count(*) FROM pg_prepared_statements")
            #expect(try rows.first(as: Int.self) <= 9)
        }
    }

    @Test func forgetsAFailedPreparation() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            for _ in 0..<3 {
                let error = await postgresError { try await pool.query("SELECT a FROM later") }
                #expect(error?.sqlState == .undefinedTable)
            }
            try await pool.query("CREATE TABLE later (a bigint)")
            #expect(try await pool.query("SELECT a FROM later").isEmpty)
        }
    }

    @Test func survivesAChangedResultType() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            try await pool.query("INSERT INTO t VALUES (\(1))")
            #expect(try await pool.query("SELECT * FROM t").columnNames == ["a"])
            try await pool.query("ALTER TABLE t ADD COLUMN b text")
            #expect(try await pool.query("SELECT * FROM t").columnNames == ["a", "b"])
            #expect(try await pool.query("SELECT * FROM t").columnNames == ["a", "b"])
        }
    }

    @Test func emptyBatchesAndStatementsAreHarmless() async throws {
        try await withPool { pool in
            let none = try await pool.batch([])
            #expect(none.isEmpty)
            let empty = try await pool.query("")
            #expect(empty.isEmpty)
        }
    }

    @Test func refusesWhatCannotBeSent() async throws {
        try await withPool { pool in
            let nul = await postgresError { try await pool.query("SELECT 1 \(unescaped: "\0")") }
            #expect(nul?.code == .invalidQuery)
            let copy = await postgresError { try await pool.query("COPY (SELECT 1) TO STDOUT") }
            #expect(copy?.code == .invalidQuery)
            let rows = try await pool.query("SELECT 1")
            #expect(rows.count == 1)
        }
    }
}

private func insertTwice(_ number: Int, fails: Bool, _ pool: PostgresPool) async -> Bool {
    let second = fails ? number * 2 : number * 2 + 1
    do {
        try await pool.batch([
            "INSERT INTO t VALUES (\(number * 2))",
            "INSERT INTO t VALUES (\(second)) /* \(unescaped: String(number % 7)) */",
        ])
        return true
    } catch {
        return false
    }
}

func count(_ table: String, _ pool: PostgresPool) async throws -> Int {
    try await pool.query("SELECT count(*) FROM \(identifier: table)").first(as: Int.self)
}
