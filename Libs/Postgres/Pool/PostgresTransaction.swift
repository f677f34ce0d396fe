internal import Synchronization

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
    private let posted = PostedStatements()

    init(pool: PostgresPool, lease: Lease.ID, deadline: Duration) {
        self.pool = pool
        self.lease = lease
        self.deadline = deadline
    }

    /// Runs one statement.
    @discardableResult
    package func query(_ query: PostgresQuery) async throws(PostgresError) -> PostgresRows {
        try await batch([query]).onlyResult()
    }

    /// Runs statements in one round trip; the first that fails fails the transaction.
    @discardableResult
    package func batch(_ queries: [PostgresQuery]) async throws(PostgresError) -> [PostgresRows] {
        guard !queries.isEmpty else { return [] }
        return try await perform(queries, role: .statements)
    }

    /// Hands in statements whose results nobody needs. They run before whatever comes next, the COMMIT included, and cost no
    /// round trip of their own; where one of them fails, that fails.
    package func post(_ queries: [PostgresQuery]) { posted.add(queries) }

    /// Runs the last statements and commits, in one round trip. Nothing may follow. When it throws, nothing is committed,
    /// unless the error's `isOutcomeUnknown` says that this is not known.
    @discardableResult
    package func commit(with queries: [PostgresQuery] = []) async throws(PostgresError) -> [PostgresRows] {
        try await perform(queries, role: .commit)
    }

    /// Commits unless `commit(with:)` was called before.
    func commitIfOpen() async throws(PostgresError) {
        let isEverythingSent = posted.isEmpty
        do {
            try await commit()
        } catch {
            guard error.code == .leaseEnded, isEverythingSent else { throw error }
        }
    }

    private func perform(
        _ queries: [PostgresQuery], role: BatchRequest.Role
    ) async throws(PostgresError) -> [PostgresRows] {
        let first = posted.take()
        let results = try await pool.perform(first + queries, role: role, lease: lease, deadline: deadline)
        return Array(results.dropFirst(first.count))
    }
}

/// The statements of one transaction that wait for company.
private final class PostedStatements: Sendable {
    private let queries = Mutex<[PostgresQuery]>([])

    var isEmpty: Bool { queries.withLock(\.isEmpty) }

    func add(_ more: [PostgresQuery]) { queries.withLock { $0 += more } }

    func take() -> [PostgresQuery] {
        queries.withLock { queries in
            defer { queries = [] }
            return queries
        }
    }
}
