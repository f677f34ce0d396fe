import EventLoop
import Observability
import Postgres
import Synchronization

/// Finds out, as soon as there is a database, whether its schema is the program's.
final class SchemaWatch: Sendable {
    private let pool: PostgresPool
    private let migrations: Migrations
    private let logger: Logger
    private let state = Mutex<String?>("not looked at yet")
    private static let interval = Duration.milliseconds(250)

    init(pool: PostgresPool, migrations: Migrations, logger: Logger) {
        self.pool = pool
        self.migrations = migrations
        self.logger = logger
    }

    /// Why the schema cannot be used, nil when it can.
    var missing: String? { state.withLock { $0 } }

    /// Asks until the schema is right, then waits for the end.
    @Sendable func run() async {
        while !Task.isCancelled {
            do {
                try await migrations.verify(on: pool)
                state.withLock { $0 = nil }
                return await untilCancelled()
            } catch {
                if Task.isCancelled { return }
                note(error)
            }
            do { try await pool.loop.sleep(for: Self.interval) } catch { return }
        }
    }

    private func note(_ error: any Error) {
        let reason = String(describing: error)
        let isNew = state.withLock { state in
            defer { state = reason }
            return state != reason
        }
        if isNew { logger.warning("schema not usable", [.error: .string(reason)]) }
    }

    private func untilCancelled() async {
        while !Task.isCancelled {
            do { try await pool.loop.sleep(for: .seconds(3600)) } catch { return }
        }
    }
}
