package import Postgres
import Observability

extension ServiceHost {
    /// Does a chore again and again. A failure is logged, and it is tried again the next time.
    ///
    /// - Parameter interval: before the first time, and between the end of one and the beginning of the next.
    package func chore(
        _ name: String, every interval: Duration, _ body: @escaping @Sendable () async throws -> Void
    ) {
        let (loop, logger) = (loop, logger)
        run(name) {
            while !Task.isCancelled {
                do {
                    try await loop.sleep(for: interval)
                    try await body()
                } catch {
                    if Task.isCancelled { return }
                    logger.warning("a chore failed", [.component: .string(name), .error: .error(error)])
                }
            }
        }
    }

    /// Forgets answers kept for `Idempotency-Key` once they are older than a day.
    package func forgetOldAnswers(in pool: PostgresPool) {
        chore("idempotency-sweep", every: .seconds(600)) {
            while try await pool.query(IdempotencyRecords.sweep).affectedRows == IdempotencyRecords.sweepRows {}
        }
    }
}
