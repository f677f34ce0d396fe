import Postgres
import ServersTesting
import Testing
import TestKit

@Suite struct SessionTests {
    @Test func holdsAdvisoryLocksUntilItsEnd() async throws {
        try await withPool(configure: { $0.maximumConnections = 2 }) { pool in
            try await pool.withConnection { session in
                let isFirst = try await tryLock(session)
                let isSecond = try await pool.withConnection { try await tryLock($0) }
                #expect(isFirst && !isSecond)
            }
            #expect(try await pool.withConnection { try await tryLock($0) })
        }
    }

    @Test func leavesNoSettingsAndNoTransactionBehind() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            try await pool.withConnection { session in
                try await session.query("SET work_mem = '7MB'")
                try await session.query("BEGIN")
                try await session.query("INSERT INTO t VALUES (1)")
            }
            let rows = try await pool.query("SELECT current_setting('work_mem'), (SELECT count(*) FROM t)")
            let (memory, count) = try rows.first(as: String.self, Int.self)
            #expect(memory != "7MB")
            #expect(count == 0)
        }
    }

    /// The server would warn of each in its log, once a second where a relay waits for its turn.
    @Test func rollsNothingBackWhereThereIsNoTransaction() async throws {
        let sessions = 20
        let url = try await freshDatabase()
        try await withPool(url, configure: { $0.maximumConnections = 1 }) { pool in
            for _ in 1...sessions { try await pool.withConnection { _ = try await tryLock($0) } }
        }
        let name = try #require(url.split(separator: "/").last)
        try await eventually("the server has counted them") {
            try await transactions("xact_commit", of: name) >= sessions
        }
        #expect(try await transactions("xact_rollback", of: name) == 0)
    }

    @Test func runsScripts() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.withConnection { session in
                try await session.script(
                    "CREATE TABLE t (a bigint); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);")
                let error = await postgresError {
                    try await session.script("INSERT INTO t VALUES (3); SELECT nonsense; INSERT INTO t VALUES (4)")
                }
                #expect(error?.sqlState == SQLState("42703"))
                let rows = try await session.query("SELECT sum(a)::bigint FROM t")
                #expect(try rows.first(as: Int.self) == 3)
            }
            #expect(try await count("t", pool) == 2)
        }
    }

    @Test func aScriptHasTheConnectionToItself() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.withConnection { session in
                async let script: Void = session.script("SELECT pg_sleep(3); CREATE TABLE t (a bigint)")
                try await eventually("it runs") { await pool.statistics.inFlight == 1 }
                let error = await postgresError { try await session.query("SELECT 1") }
                #expect(error?.code == .invalidQuery)
                try await script
                let rows = try await session.query("SELECT to_regclass('t') IS NOT NULL")
                #expect(try rows.first(as: Bool.self))
            }
        }
    }

    @Test func aScriptEndsAtItsBound() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            let error = await postgresError {
                try await pool.withConnection { session in
                    try await session.script("SELECT pg_sleep(60)", timeout: .milliseconds(200))
                }
            }
            #expect(error?.code == .timedOut)
            let rows = try await pool.query("SELECT \(5)")
            #expect(try rows.first(as: Int.self) == 5)
        }
    }

    /// Nothing can be sent behind a script, so its connection goes, and what it held with it.
    @Test func aScriptThatWasGivenUpLeavesNoLock() async throws {
        let url = try await freshDatabase()
        try await withPool(url, configure: { $0.maximumConnections = 1 }) { pool in
            let error = await postgresError {
                try await pool.withConnection { session in
                    let isHeld = try await tryLock(session)
                    #expect(isHeld)
                    try await session.script("SELECT pg_sleep(60)", timeout: .milliseconds(200))
                }
            }
            #expect(error?.code == .timedOut)
            try await pool.query("SELECT 1")
            try await withPool(url) { other in
                try await eventually("the lock is free") { try await other.withConnection { try await tryLock($0) } }
            }
        }
    }

    @Test func endsWithItsClosure() async throws {
        try await withPool { pool in
            let escaped = try await pool.withConnection { $0 }
            let error = await postgresError { try await escaped.query("SELECT 1") }
            #expect(error?.code == .leaseEnded)
        }
    }

    @Test func appliesTheSchemaOfTheURL() async throws {
        let url = try await freshDatabase()
        _ = try await withPool(url) { try await $0.query("CREATE SCHEMA mine") }
        try await withPool(url + "?schema=mine") { pool in
            try await pool.query("CREATE TABLE t (a bigint)")
            let rows = try await pool.query("SELECT schemaname FROM pg_tables WHERE tablename = 't'")
            #expect(try rows.first(as: String.self) == "mine")
        }
    }
}

private func tryLock(_ session: PostgresSession) async throws -> Bool {
    try await session.query("SELECT pg_try_advisory_lock(42)").first(as: Bool.self)
}

private func transactions(_ kind: String, of database: Substring) async throws -> Int {
    let answer = try await TestPostgres.shared().execute(
        "SELECT \(kind) FROM pg_stat_database WHERE datname = '\(database)'")
    return Int(answer.filter(\.isNumber)) ?? 0
}
