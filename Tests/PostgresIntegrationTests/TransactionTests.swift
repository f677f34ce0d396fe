import Postgres
import Testing

@Suite struct TransactionTests {
    private struct Refusal: Error {}

    @Test func commitsWhenTheBodyReturns() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            let sum = try await pool.withTransaction { transaction in
                try await transaction.query("INSERT INTO t VALUES (\(1))")
                try await transaction.query("INSERT INTO t VALUES (\(2))")
                return try await transaction.query("SELECT sum(a)::bigint FROM t").first(as: Int.self)
            }
            #expect(sum == 3)
            #expect(try await count("t", pool) == 2)
        }
    }

    @Test func rollsBackWhenTheBodyThrows() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            await #expect(throws: Refusal.self) {
                try await pool.withTransaction { transaction in
                    try await transaction.query("INSERT INTO t VALUES (\(1))")
                    throw Refusal()
                }
            }
            #expect(try await count("t", pool) == 0)
        }
    }

    /// The rollback takes the server long; whoever comes right after it, over another connection, finds its locks free.
    @Test func hasBeenRolledBackWhenItThrows() async throws {
        try await withPool(configure: { $0.minimumConnections = 2 }) { pool in
            let tryLock: PostgresQuery = "SELECT pg_try_advisory_xact_lock(7)"
            for _ in 1...10 {
                await #expect(throws: Refusal.self) {
                    try await pool.withTransaction { transaction in
                        let isHeld = try await transaction.query(tryLock).first(as: Bool.self)
                        #expect(isHeld == true)
                        try await transaction.batch(Array(repeating: "SAVEPOINT nested", count: 1_000))
                        throw Refusal()
                    }
                }
                let isFree = try await pool.query(tryLock).first(as: Bool.self)
                #expect(isFree == true)
            }
        }
    }

    @Test func postedStatementsGoBeforeWhateverComesNext() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            let seen = try await pool.withTransaction { transaction in
                transaction.post(["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"])
                let results = try await transaction.batch(["SELECT count(*) FROM t", "SELECT 7::bigint"])
                transaction.post(["INSERT INTO t VALUES (3)"])
                return try results.map { try $0.first(as: Int.self) }
            }
            #expect(seen == [2, 7])
            #expect(try await count("t", pool) == 3)
        }
    }

    @Test func aPostedStatementThatFailsTakesTheTransactionWithIt() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint PRIMARY KEY)")
            for isFollowed in [false, true] {
                let error = await postgresError {
                    try await pool.withTransaction { transaction in
                        try await transaction.query("INSERT INTO t VALUES (1)")
                        transaction.post(["INSERT INTO t VALUES (1)"])
                        if isFollowed { try await transaction.query("SELECT 1") }
                    }
                }
                #expect(error?.isUniqueViolation() == true)
                #expect(try await count("t", pool) == 0)
            }
        }
    }

    @Test func nothingIsPostedBehindTheCommit() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            let error = await postgresError {
                try await pool.withTransaction { transaction in
                    try await transaction.commit(with: ["INSERT INTO t VALUES (1)"])
                    transaction.post(["INSERT INTO t VALUES (2)"])
                }
            }
            #expect(error?.code == .leaseEnded)
            #expect(try await count("t", pool) == 1)
        }
    }

    @Test func commitsWithTheLastStatements() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            let after = await postgresError {
                try await pool.withTransaction { transaction in
                    let rows = try await transaction.query("SELECT count(*) FROM t")
                    let seen = try rows.first(as: Int.self)
                    let results = try await transaction.commit(with: [
                        "INSERT INTO t VALUES (\(seen + 1)) RETURNING a", "INSERT INTO t VALUES (\(seen + 2))",
                    ])
                    #expect(try results[0].first(as: Int.self) == 1)
                    #expect(results.count == 2)
                    try await transaction.query("SELECT 1")
                }
            }
            #expect(after?.code == .leaseEnded)
            #expect(try await count("t", pool) == 2)
        }
    }

    @Test func nothingIsCommittedWhenAStatementOfTheCommitFails() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.query("CREATE TABLE t (a bigint PRIMARY KEY)")
            let error = await postgresError {
                try await pool.withTransaction { transaction in
                    try await transaction.query("INSERT INTO t VALUES (\(1))")
                    try await transaction.commit(with: ["INSERT INTO t VALUES (\(1))"])
                }
            }
            #expect(error?.isUniqueViolation() == true)
            #expect(try await count("t", pool) == 0)
        }
    }

    @Test func aSwallowedErrorDoesNotCommit() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint PRIMARY KEY)")
            let error = await postgresError {
                try await pool.withTransaction { transaction in
                    try await transaction.query("INSERT INTO t VALUES (\(1))")
                    let first = await postgresError { try await transaction.query("SELECT nonsense") }
                    #expect(first?.sqlState == SQLState("42703"))
                    let second = await postgresError { try await transaction.query("SELECT 1") }
                    #expect(second?.code == .transactionAborted)
                }
            }
            #expect(error?.code == .transactionAborted)
            #expect(try await count("t", pool) == 0)
        }
    }

    @Test func aDeferredConstraintFailsTheCommit() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a bigint, CONSTRAINT once UNIQUE (a) DEFERRABLE INITIALLY DEFERRED)")
            let error = await postgresError {
                _ = try await pool.withTransaction { transaction in
                    try await transaction.query("INSERT INTO t VALUES (\(1)), (\(1))")
                }
            }
            #expect(error?.isUniqueViolation(of: "once") == true)
            #expect(try await count("t", pool) == 0)
        }
    }

    @Test func anUnusedTransactionCostsNothing() async throws {
        try await withPool { pool in
            let value = try await pool.withTransaction { _ in 7 }
            #expect(value == 7)
        }
    }

    @Test func hasTheIsolationAskedFor() async throws {
        try await withPool { pool in
            let level = try await pool.withTransaction(isolation: .serializable, isReadOnly: true) { transaction in
                try await transaction.query(
                    "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')"
                ).first(as: String.self, String.self)
            }
            #expect(level == ("serializable", "on"))
        }
    }

    @Test func retriesSerializationFailures() async throws {
        try await withPool { pool in
            try await pool.batch(["CREATE TABLE t (a bigint)", "INSERT INTO t VALUES (0)"])
            let runs = Shared(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await pool.retryingConflicts(attempts: 50) {
                            runs.withLock { $0 += 1 }
                            try await pool.withTransaction(isolation: .serializable) { transaction in
                                let now = try await transaction.query("SELECT a FROM t").first(as: Int.self)
                                try await transaction.commit(with: ["UPDATE t SET a = \(now + 1)"])
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let rows = try await pool.query("SELECT a FROM t")
            #expect(try rows.first(as: Int.self) == 8)
            #expect(runs.withLock { $0 } >= 8)
        }
    }

    @Test func givesUpRetryingAfterItsBound() async throws {
        try await withPool { pool in
            let runs = Shared(0)
            let error = await postgresError {
                try await pool.retryingConflicts(attempts: 3) {
                    runs.withLock { $0 += 1 }
                    try await pool.query("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")
                }
            }
            #expect(error?.isConflict == true)
            #expect(error?.isRetriable == true)
            #expect(runs.withLock { $0 } == 3)
        }
    }

    /// While one transaction is open, other callers' batches go over other connections or wait; none joins it.
    @Test func keepsOthersOutOfItsConnection() async throws {
        try await withPool(configure: { $0.maximumConnections = 2 }) { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            await #expect(throws: Refusal.self) {
                try await pool.withTransaction { transaction in
                    try await transaction.query("INSERT INTO t VALUES (\(0))")
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 1...50 {
                            group.addTask { try await pool.query("INSERT INTO t VALUES (\(number))") }
                        }
                        try await group.waitForAll()
                    }
                    throw Refusal()
                }
            }
            #expect(try await count("t", pool) == 50)
        }
    }
}
