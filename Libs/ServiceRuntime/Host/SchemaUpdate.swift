import EventLoop
import Observability
import Postgres

/// The work of `migrate`.
struct SchemaUpdate: Sendable {
    let migrations: [Migration]
    let settings: DatabaseSettings

    /// How long a database that is away is waited for.
    private static let patience = Duration.seconds(60)

    /// Brings the schema up to date; returns the exit status.
    func run(_ host: ServiceHost) async throws -> Int32 {
        guard let configuration = settings.pool else { return ServiceMain.Status.configuration }
        let history = try Migrations(migrations)
        let pool = try PostgresPool(loop: host.loop, configuration: configuration, logger: host.logger)
        host.add(
            Component("database", start: { await pool.start() }, stop: { grace in await pool.shutdown(grace: grace) }))
        try await host.startComponents()
        let applied = try await apply(history, pool)
        host.logger.notice("schema is up to date", [.count: .int(applied.count)])
        return ServiceMain.Status.ok
    }

    private func apply(_ history: Migrations, _ pool: PostgresPool) async throws -> [Int] {
        let deadline = pool.loop.now + Self.patience
        while true {
            do {
                return try await history.run(on: pool)
            } catch let error as PostgresError where error.isRetriable && pool.loop.now < deadline {
                try await pool.loop.sleep(for: .milliseconds(250))
            }
        }
    }
}
