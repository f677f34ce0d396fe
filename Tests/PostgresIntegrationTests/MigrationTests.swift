import Postgres
import Testing

@Suite struct MigrationTests {
    private static let first = Migration(
        number: 1, name: "create accounts",
        sql: """
            CREATE TABLE account (id bigint PRIMARY KEY);
            CREATE FUNCTION twice(n bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT n * 2; $$;
            INSERT INTO account VALUES (twice(21)); -- a comment; with a semicolon
            """)
    private static let second = Migration(
        number: 2, name: "add a name", sql: "ALTER TABLE account ADD COLUMN name text NOT NULL DEFAULT ''")
    private static let broken = Migration(
        number: 3, name: "break", sql: "CREATE TABLE half (a bigint); SELECT nonsense;")

    @Test func appliesWhatIsMissingOnce() async throws {
        try await withPool { pool in
            #expect(try await Migrations([Self.first]).run(on: pool) == [1])
            #expect(try await Migrations([Self.first, Self.second]).run(on: pool) == [2])
            #expect(try await Migrations([Self.first, Self.second]).run(on: pool) == [])
            let rows = try await pool.query("SELECT id, name FROM account")
            #expect(try rows.first(as: Int.self, String.self) == (42, ""))
        }
    }

    @Test func createsTheConfiguredSchema() async throws {
        let url = try await freshDatabase()
        try await withPool(url + "?schema=mine") { pool in
            #expect(try await Migrations([Self.first]).run(on: pool) == [1])
            let rows = try await pool.query("SELECT schemaname FROM pg_tables WHERE tablename = 'schema_migrations'")
            #expect(try rows.first(as: String.self) == "mine")
        }
    }

    @Test func twoRunnersDoTheWorkOnce() async throws {
        let url = try await freshDatabase()
        try await withPool(url) { one in
            try await withPool(url) { other in
                let migrations = try Migrations([Self.first, Self.second])
                async let left = migrations.run(on: one)
                async let right = migrations.run(on: other)
                let applied = try await [left, right]
                #expect(applied.flatMap { $0 }.sorted() == [1, 2])
                #expect(try await count("account", one) == 1)
            }
        }
    }

    @Test func refusesAChangedHistory() async throws {
        try await withPool { pool in
            try await Migrations([Self.first, Self.second]).run(on: pool)
            let changed = Migration(number: 1, name: "create accounts", sql: Self.first.sql + " ")
            let error = await postgresError { try await Migrations([changed, Self.second]).run(on: pool) }
            #expect(error?.code == .migrationHistoryChanged)
            let missing = await postgresError { try await Migrations([Self.second]).run(on: pool) }
            #expect(missing?.code == .schemaTooNew || missing?.code == .migrationHistoryChanged)
        }
    }

    @Test func refusesASchemaNewerThanItself() async throws {
        try await withPool { pool in
            try await Migrations([Self.first, Self.second]).run(on: pool)
            let error = await postgresError { try await Migrations([Self.first]).run(on: pool) }
            #expect(error?.code == .schemaTooNew)
            let verified = await postgresError { try await Migrations([Self.first]).verify(on: pool) }
            #expect(verified?.code == .schemaTooNew)
        }
    }

    @Test func verifiesWithoutChanging() async throws {
        try await withPool { pool in
            let empty = await postgresError { try await Migrations([Self.first]).verify(on: pool) }
            #expect(empty?.code == .schemaTooOld)
            try await Migrations([Self.first]).run(on: pool)
            try await Migrations([Self.first]).verify(on: pool)
            let older = await postgresError { try await Migrations([Self.first, Self.second]).verify(on: pool) }
            #expect(older?.code == .schemaTooOld)
        }
    }

    @Test func aFailedMigrationLeavesNothing() async throws {
        try await withPool { pool in
            let migrations = try Migrations([Self.first, Self.second, Self.broken])
            let error = await postgresError { try await migrations.run(on: pool) }
            #expect(error?.sqlState == SQLState("42703"))
            let rows = try await pool.query("SELECT max(number), to_regclass('half') IS NULL FROM schema_migrations")
            #expect(try rows.first(as: Int.self, Bool.self) == (2, true))
            // The lock went with the session.
            #expect(try await Migrations([Self.first, Self.second]).run(on: pool) == [])
        }
    }

    @Test func twoSchemasOfOneDatabaseDoNotMeet() async throws {
        let url = try await freshDatabase()
        for schema in ["left", "right"] {
            try await withPool(url + "?schema=\(schema)_side") { pool in
                let applied = try await Migrations([Self.first]).run(on: pool)
                #expect(applied == [1])
            }
        }
    }
}
