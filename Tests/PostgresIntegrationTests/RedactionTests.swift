import Observability
import Postgres
import Testing

@Suite struct RedactionTests {
    private static let hostile = [
        "'; DROP TABLE t; --", "\\'; DROP TABLE t; --", "$1", "$$", "%s", "\"; DROP TABLE t; --", "/*", "1 OR 1=1",
        "'||(SELECT a FROM t)||'", "\u{2019}; DROP TABLE t; --",
    ]

    @Test(arguments: hostile)
    func noValueBecomesSQL(text: String) async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a text)")
            try await pool.query("INSERT INTO t VALUES (\(text))")
            let rows = try await pool.query("SELECT a FROM t WHERE a = \(text) AND \(text) = a")
            #expect(try rows.map { try $0.decode(String.self, at: 0) } == [text])
        }
    }

    @Test(arguments: hostile)
    func noIdentifierBecomesSQL(name: String) async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (a text)")
            try await pool.query("CREATE TABLE \(identifier: name) (\(identifier: name) bigint)")
            let rows = try await pool.query("SELECT \(identifier: name) FROM \(identifier: name)")
            #expect(rows.columnNames == [name])
            let table = try await pool.query("SELECT to_regclass('t') IS NOT NULL")
            #expect(try table.first(as: Bool.self))
        }
    }

    @Test func errorsTellNeitherSQLNorData() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE person (mail text CONSTRAINT person_mail_key UNIQUE)")
            try await pool.query("INSERT INTO person VALUES (\("ann@example.org"))")
            let duplicate = await postgresError {
                try await pool.query("INSERT INTO person VALUES (\("ann@example.org"))")
            }
            #expect(duplicate?.constraintName == "person_mail_key")
            #expect(duplicate.map { "\($0)" } == "server 23505 (constraint person_mail_key)")
            let syntax = await postgresError { try await pool.query("SELECT 'ann@example.org' FROM person WHERE") }
            let cast = await postgresError { try await pool.query("SELECT \("ann@example.org")::bigint") }
            for error in [duplicate, syntax, cast] {
                let text = error.map { "\($0) \($0.message)" } ?? ""
                #expect(!text.isEmpty)
                #expect(!text.contains("ann") && !text.contains("INSERT") && !text.contains("SELECT"), "\(text)")
            }
            // A developer may look closer.
            #expect(cast.map { String(reflecting: $0) }?.contains("ann@example.org") == true)
        }
    }

    @Test func noticesAreLoggedWithoutTheirText() async throws {
        let lines = Shared("")
        let logger = Logger(service: "test", level: .debug) { line in
            lines.withLock { $0 += String(decoding: line, as: UTF8.self) }
        }
        try await withPool(logger: logger) { pool in
            try await pool.query("DO $$ BEGIN RAISE WARNING 'about ann@example.org'; END $$")
        }
        let text = lines.withLock { $0 }
        #expect(text.contains("server notice") && text.contains("WARNING") && text.contains("01000"))
        #expect(!text.contains("ann@example.org"))
    }

    @Test func configurationsHideTheirPassword() throws {
        let configuration = try PostgresPool.Configuration(url: "postgres://app:hunter2@db:5433/books?schema=auth")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("hunter2"))
        }
        #expect("\(configuration)" == "db:5433/books")
    }
}
