/// How much a transaction sees of concurrent ones (PostgreSQL 15, 13.2).
package enum PostgresIsolation: String, Sendable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"

    func begin(isReadOnly: Bool) -> String { "BEGIN ISOLATION LEVEL \(rawValue)\(isReadOnly ? " READ ONLY" : "")" }
}

/// An explicit transaction, valid inside `withTransaction`. After a statement has failed every further one throws
/// `transactionAborted`; the transaction is rolled back at the end.
package struct PostgresTransaction: Sendable {
    let pool: PostgresPool
    let lease: Lease.ID
    let deadline: Duration

    /// Runs one statement.
    @discardableResult
    package func query(_ query: PostgresQuery) async throws(PostgresError) -> PostgresRows {
        try await batch([query]).onlyResult()
    }

    /// Runs statements in one round trip; the first that fails fails the transaction.
    @discardableResult
    package func batch(_ queries: [PostgresQuery]) async throws(PostgresError) -> [PostgresRows] {
        guard !queries.isEmpty else { return [] }
        return try await pool.perform(queries, role: .statements, lease: lease, deadline: deadline)
    }

    /// Runs the last statements and commits, in one round trip. Nothing may follow. When it throws, nothing is committed,
    /// unless the error's `isOutcomeUnknown` says that this is not known.
    @discardableResult
    package func commit(with queries: [PostgresQuery] = []) async throws(PostgresError) -> [PostgresRows] {
        try await pool.perform(queries, role: .commit, lease: lease, deadline: deadline)
    }

    /// Commits unless `commit(with:)` was called before.
    func commitIfOpen() async throws(PostgresError) {
        do {
            try await commit()
        } catch {
            guard error.code == .leaseEnded else { throw error }
        }
    }
}
