/// A real PostgreSQL server for tests, on a free loopback port, without fsync.
///
/// It ends, and its data is removed, when the test process ends, however that happens.
package final class TestPostgres: Sendable {
    /// A superuser's connection URL, `postgres://user:password@127.0.0.1:port/postgres`.
    package let superuserURL: String
    private let process: ServerProcess

    private static let sharedServer = Task { try await TestPostgres.start() }

    /// The server that all tests of this process share; started when first asked for. Do not kill it.
    package static func shared() async throws -> TestPostgres { try await sharedServer.value }

    /// A server of one's own, for tests that kill it; end it with `stop()`.
    package static func start() async throws -> TestPostgres {
        let (process, description) = try await ServerProcess.start(["--postgres"])
        guard let url = description["postgres"] else { throw TestServerError(description: "no PostgreSQL URL") }
        return TestPostgres(process: process, superuserURL: url)
    }

    private init(process: ServerProcess, superuserURL: String) {
        self.process = process
        self.superuserURL = superuserURL
    }

    /// Makes an empty database with a role of its own that owns it.
    ///
    /// - Returns: `postgres://role:password@127.0.0.1:port/database`.
    package func makeDatabase() async throws -> String {
        let answer = try await process.command("database", ServerProcess.uniqueName())
        guard let url = answer["url"] else { throw TestServerError(description: "no database URL") }
        return url
    }

    /// Makes an empty database with the schemas `auth`, `expense`, `portfolio` and `events`, each owned by a role that reaches
    /// no other.
    ///
    /// - Returns: for each schema the URL of its role, with `?schema=`.
    package func makeServiceDatabases() async throws -> [String: String] {
        var answer = try await process.command("schemas", ServerProcess.uniqueName())
        answer["ok"] = nil
        return answer
    }

    /// Runs statements as the superuser with psql; returns rows as lines, columns divided by tabs.
    package func execute(_ statements: String) async throws -> String {
        try await process.command("sql", statements)["output"] ?? ""
    }

    /// Kills the server and all sessions at the same moment, as a crash does.
    package func kill() async throws { try await process.command("kill", "postgres") }

    /// Starts a killed or running server again on the same port and data; returns when it accepts connections.
    package func restart() async throws { try await process.command("restart", "postgres") }

    /// Freezes the server: connections stay open and nothing answers.
    package func pause() async throws { try await process.command("pause", "postgres") }

    /// Lets a paused server go on.
    package func resume() async throws { try await process.command("resume", "postgres") }

    /// Ends the server and removes its data.
    package func stop() async throws { try await process.stop() }
}
