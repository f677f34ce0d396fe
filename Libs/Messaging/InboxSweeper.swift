internal import Chronology
internal import Observability
internal import Postgres

/// Forgets handled events that are older than any repeat, a few thousand at a time.
struct InboxSweeper: Sendable {
    let consumer: String
    let pool: PostgresPool
    let logger: Logger
    var interval: Duration = .seconds(3_600)
    var rows = 5_000

    /// Sweeps now and then until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                try await pool.loop.sleep(for: interval * Double.random(in: 0.5...1.5))
                try await sweep(now: SystemClock().now())
            } catch {
                if !Task.isCancelled { logger.warning("the inbox could not be swept", [.error: .error(error)]) }
            }
        }
    }

    /// Sweeps once, in steps so short that they hinder nobody.
    ///
    /// - Returns: how many events were forgotten.
    @discardableResult
    func sweep(now: Timestamp) async throws -> Int {
        var all = 0
        var swept = rows
        while swept == rows, !Task.isCancelled {
            let query = Inbox.sweep(consumer: consumer, before: now - Inbox.retention, limit: rows)
            swept = try await pool.query(query).affectedRows
            all += swept
        }
        return all
    }
}
