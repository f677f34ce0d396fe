package import Postgres
internal import Chronology

/// What an operator does about the dead letters of one service; each service has its own in its schema.
///
/// It needs nothing but the service's database: a replay is a request on the row, which the consumer that owns the handler
/// carries out in its lanes within seconds, in the order of each aggregate and beside the live events. So it works from any
/// process (the service's own admin address, a command of its own), and survives the one that asked. The effect and the
/// removal of the letter are one transaction with the inbox's record: to ask twice, or for an event that was handled
/// meanwhile, has no second effect.
///
/// A letter whose replay fails stays with the new error, and so do those behind it.
package struct DeadLetterStore: Sendable {
    private let pool: PostgresPool
    /// The bound of a change; one of many thousand letters takes seconds.
    private let changeTimeout: Duration

    /// Works on the tables `dead_letters` and `inbox` that the pool sees.
    package init(pool: PostgresPool, changeTimeout: Duration = .seconds(30)) {
        self.pool = pool
        self.changeTimeout = changeTimeout
    }

    // MARK: Looking

    /// One page of letters, oldest first.
    ///
    /// - Parameters:
    ///   - id: the last letter of the page before, nil for the first page.
    ///   - limit: 1 to 1,000.
    /// - Returns: at most `limit` letters; fewer mean that there are no more.
    package func list(
        _ filter: DeadLetterFilter = .init(), after id: Int64? = nil, limit: Int = 50
    ) async throws(PostgresError) -> [DeadLetter] {
        let bounded = max(1, min(limit, 1_000))
        let rows = try await pool.query(DeadLetterQueries.list(filter, after: id ?? 0, limit: bounded))
        var letters: [DeadLetter] = []
        for row in rows { letters.append(try DeadLetterQueries.decode(row)) }
        return letters
    }

    /// The groups of same cause, largest first.
    ///
    /// - Parameter limit: 1 to 1,000.
    package func groups(
        _ filter: DeadLetterFilter = .init(), limit: Int = 50
    ) async throws(PostgresError) -> [DeadLetterGroup] {
        let bounded = max(1, min(limit, 1_000))
        let rows = try await pool.query(DeadLetterQueries.groups(filter, limit: bounded), timeout: changeTimeout)
        var groups: [DeadLetterGroup] = []
        for row in rows { groups.append(try DeadLetterQueries.decodeGroup(row)) }
        return groups
    }

    /// A letter with its bytes, nil when there is none of that number.
    package func show(_ id: Int64) async throws(PostgresError) -> DeadLetterContent? {
        guard let row = try await pool.query(DeadLetterQueries.show(id)).first else { return nil }
        return try DeadLetterQueries.decodeContent(row)
    }

    /// Those of the numbers that letters have, archived ones included.
    package func existing(_ ids: [Int64]) async throws(PostgresError) -> Set<Int64> {
        var found: Set<Int64> = []
        for row in try await pool.query(DeadLetterQueries.existing(ids)) {
            found.insert(try row.decode(Int64.self, at: 0))
        }
        return found
    }

    // MARK: Deciding

    /// Has letters handled again, with all others of their aggregates, first those before them.
    ///
    /// Letters for which this was asked before are not counted again.
    ///
    /// - Throws: `PostgresError`.
    package func replay(_ selection: DeadLetterSelection, isDryRun: Bool = false) async throws -> DeadLetterChange {
        let query = isDryRun ? DeadLetterQueries.countReplay(selection) : DeadLetterQueries.requestReplay(selection)
        let (selected, all) = try await change([query])[0].first(as: Int.self, Int.self)
        return DeadLetterChange(selected: selected, following: all - selected, isDryRun: isDryRun)
    }

    /// Forgets letters: their events are never handled, not even when they are delivered again. What waited only behind
    /// them is handled.
    ///
    /// - Throws: `PostgresError`.
    package func discard(_ selection: DeadLetterSelection, isDryRun: Bool = false) async throws -> DeadLetterChange {
        try await remove(selection, DeadLetterQueries.discard(selection), isDryRun: isDryRun)
    }

    /// Like `discard`, but keeps the letters where a listing of archived ones finds them.
    ///
    /// - Throws: `PostgresError`.
    package func archive(_ selection: DeadLetterSelection, isDryRun: Bool = false) async throws -> DeadLetterChange {
        try await remove(selection, DeadLetterQueries.archive(selection), isDryRun: isDryRun)
    }

    private func remove(
        _ selection: DeadLetterSelection, _ removal: PostgresQuery, isDryRun: Bool
    ) async throws -> DeadLetterChange {
        if isDryRun {
            let counts = try await change([DeadLetterQueries.countRemoval(selection)])
            let (selected, following) = try counts[0].first(as: Int.self, Int.self)
            return DeadLetterChange(selected: selected, following: following, isDryRun: true)
        }
        // Two statements: the second must see the letters that came in while the first waited for their locks.
        let results = try await change([removal, DeadLetterQueries.releaseBehind(SystemClock().now())])
        return DeadLetterChange(
            selected: try results[0].first(as: Int.self), following: try results[1].first(as: Int.self), isDryRun: false
        )
    }

    /// On a connection of its own: the statements may wait for locks, and on a shared connection all that comes later would
    /// wait with them.
    private func change(_ statements: [PostgresQuery]) async throws -> [PostgresRows] {
        try await pool.withTransaction(timeout: changeTimeout) { transaction in
            try await transaction.batch(statements)
        }
    }
}
