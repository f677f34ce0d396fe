internal import EventLoop

/// A program's schema history and the way to bring a database up to it.
///
/// Several processes may run it at once: one works under an advisory lock, the others wait and find nothing to do. Each
/// migration is one transaction together with its row in `schema_migrations`.
package struct Migrations: Sendable {
    private let migrations: [Migration]

    /// Migrations in the order of their numbers. Throws `invalidConfiguration` for numbers out of order.
    package init(_ migrations: [Migration]) throws(PostgresError) {
        try MigrationPlan.validate(migrations)
        self.migrations = migrations
    }

    /// Applies what the database does not have yet, and returns the numbers applied. Creates the configured schema when
    /// it is not there. Throws `migrationHistoryChanged` or `schemaTooNew` before anything is changed, and `timedOut` when
    /// another process holds the lock longer than `lockTimeout`. `timeout` bounds each migration.
    @discardableResult
    package func run(
        on pool: PostgresPool, lockTimeout: Duration = .seconds(60), timeout: Duration = .seconds(300)
    ) async throws -> [Int] {
        try await pool.withConnection(timeout: lockTimeout) { session in
            let key = Self.lockKey(schema: pool.configuration.schema)
            try await Self.lock(key, session, until: pool.loop.now + lockTimeout)
            try await session.query("SELECT set_config('statement_timeout', '0', false)")
            try await Self.prepareTable(session, schema: pool.configuration.schema)
            let pending = try await plan(session).pending
            for migration in pending { try await Self.apply(migration, session, timeout: timeout) }
            return pending.map(\.number)
        }
    }

    /// Throws unless the database has exactly this program's migrations: `schemaTooOld` when some are missing.
    package func verify(on pool: PostgresPool) async throws {
        try await pool.withConnection { session in
            let table = try await session.query("SELECT to_regclass('schema_migrations') IS NOT NULL")
            let isThere = try table.first(as: Bool.self)
            let missing = isThere ? try await plan(session).pending.count : migrations.count
            guard missing == 0 else {
                throw PostgresError(.schemaTooOld, "the database lacks \(missing) migrations")
            }
        }
    }

    private func plan(_ session: PostgresSession) async throws(PostgresError) -> MigrationPlan {
        let texts = migrations.map { Array($0.sql.utf8) }
        let results = try await session.batch([
            "SELECT sha256(sql) FROM unnest(\(texts)) WITH ORDINALITY AS given(sql, place) ORDER BY place",
            "SELECT number, checksum FROM schema_migrations ORDER BY number",
        ])
        var checksums: [[UInt8]] = []
        for row in results[0] { checksums.append(try row.decode([UInt8].self, at: 0)) }
        var applied: [AppliedMigration] = []
        for row in results[1] {
            let (number, checksum) = try row.decode(Int.self, [UInt8].self)
            applied.append(AppliedMigration(number: number, checksum: checksum))
        }
        return try MigrationPlan(known: migrations, checksums: checksums, applied: applied)
    }

    /// Asks again instead of waiting inside the server: a waiting statement holds a snapshot, which would keep a
    /// `CREATE INDEX CONCURRENTLY` elsewhere from ending.
    private static func lock(_ key: Int64, _ session: PostgresSession, until deadline: Duration) async throws {
        let loop = session.pool.loop
        while true {
            let row = try await session.query("SELECT pg_try_advisory_lock(\(key))")
            if try row.first(as: Bool.self) { return }
            guard loop.now < deadline else {
                throw PostgresError(.timedOut, "another process holds the migration lock")
            }
            try await loop.sleep(for: .milliseconds(50))
        }
    }

    /// A schema that is there already needs no privilege to create one.
    private static func prepareTable(_ session: PostgresSession, schema: String?) async throws(PostgresError) {
        if let schema {
            let found = try await session.query("SELECT to_regnamespace(\(schema)) IS NOT NULL")
            if try !found.first(as: Bool.self) {
                try await session.query("CREATE SCHEMA IF NOT EXISTS \(identifier: schema)")
            }
        }
        try await session.query(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                number bigint PRIMARY KEY, name text NOT NULL, checksum bytea NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now())
            """)
    }

    /// When the script fails the explicit transaction is rolled back by the end of the session's lease.
    private static func apply(
        _ migration: Migration, _ session: PostgresSession, timeout: Duration
    ) async throws(PostgresError) {
        try await session.query("BEGIN")
        try await session.script(migration.sql, timeout: timeout)
        let checksum: PostgresQuery = "sha256(\(Array(migration.sql.utf8)))"
        try await session.batch([
            """
            INSERT INTO schema_migrations (number, name, checksum)
            VALUES (\(migration.number), \(migration.name), \(fragment: checksum))
            """,
            "COMMIT",
        ])
    }

    /// FNV-1a of the schema's name: one lock per schema, as advisory locks are per database.
    static func lockKey(schema: String?) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "florin.schema_migrations.\(schema ?? "")".utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        return Int64(bitPattern: hash)
    }
}
