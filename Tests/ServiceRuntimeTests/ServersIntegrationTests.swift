import ServersTesting
import Testing

struct ServersIntegrationTests {
    @Test(.timeLimit(.minutes(5))) func postgresIsKilledAndStartedAgainWithItsData() async throws {
        let server = try await TestPostgres.start()
        let database = try await server.makeDatabase()
        #expect(database.hasPrefix("postgres://test_"))
        #expect(database != server.superuserURL)
        _ = try await server.execute("CREATE TABLE kept AS SELECT 'it''s \"here\"' AS text; CHECKPOINT")
        try await server.kill()
        await #expect(throws: TestServerError.self) { try await server.execute("SELECT 1") }
        try await server.restart()
        #expect(try await server.execute("SELECT text FROM kept") == "it's \"here\"\n")
        try await server.pause()
        try await server.resume()
        #expect(try await server.execute("SELECT 1") == "1\n")
        try await server.stop()
        try await server.stop()
        await #expect(throws: TestServerError.self) { try await server.execute("SELECT 1") }
    }

    @Test(.timeLimit(.minutes(5))) func rabbitMQIsKilledAndStartedAgainWithItsData() async throws {
        let broker = try await TestRabbitMQ.start()
        let host = try await broker.makeVirtualHost()
        try await broker.kill()
        await #expect(throws: TestServerError.self) { try await broker.makeVirtualHost() }
        try await broker.restart()
        let name = try #require(host.split(separator: "/").last)
        #expect(try await broker.ctl("list_vhosts", "name").contains(name))
        try await broker.pause()
        try await broker.resume()
        await #expect(throws: TestServerError.self) { try await broker.ctl("no_such_command") }
        try await broker.stop()
    }

    @Test(.timeLimit(.minutes(5))) func rolesReachTheirOwnSchemaAlone() async throws {
        let server = try await TestPostgres.shared()
        let urls = try await server.makeServiceDatabases()
        #expect(urls.keys.sorted() == ["auth", "events", "expense", "portfolio"])
        let database = try #require(urls["auth"]?.split(separator: "/").last?.split(separator: "?").first)
        let rights = try await server.execute(
            """
            SELECT r.rolname, has_database_privilege(r.rolname, '\(database)', 'CONNECT'),
                has_database_privilege(r.rolname, 'postgres', 'CONNECT')
            FROM pg_roles r WHERE r.rolname LIKE '\(database)\\_%' ORDER BY 1
            """)
        #expect(
            rights == ["auth", "events", "expense", "portfolio"].map { "\(database)_\($0)\tt\tf\n" }.joined())
    }

    @Test func sharedServerIsOne() async throws {
        async let one = TestPostgres.shared()
        async let other = TestPostgres.shared()
        #expect(try await one === other)
    }
}
