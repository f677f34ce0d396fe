/// A connection of one's own, valid inside `withConnection`. Every call is a transaction of its own.
package struct PostgresSession: Sendable {
    let pool: PostgresPool
    let lease: Lease.ID

    /// Runs one statement, within `timeout` (the configuration's `callTimeout` when nil).
    @discardableResult
    package func query(
        _ query: PostgresQuery, timeout: Duration? = nil
    ) async throws(PostgresError) -> PostgresRows {
        try await batch([query], timeout: timeout).onlyResult()
    }

    /// Runs statements as one transaction in one round trip.
    @discardableResult
    package func batch(
        _ queries: [PostgresQuery], timeout: Duration? = nil
    ) async throws(PostgresError) -> [PostgresRows] {
        guard !queries.isEmpty else { return [] }
        return try await pool.perform(queries, role: .statements, lease: lease, deadline: deadline(timeout))
    }

    /// Runs a text of any number of statements, one transaction unless it says otherwise. For migrations: text from
    /// outside must never be part of it. Not while another call of this session is on its way.
    package func script(_ sql: String, timeout: Duration? = nil) async throws(PostgresError) {
        _ = try await pool.perform(
            [PostgresQuery(unescaped: sql)], role: .script, lease: lease, deadline: deadline(timeout))
    }

    private func deadline(_ timeout: Duration?) -> Duration {
        pool.loop.now + (timeout ?? pool.configuration.callTimeout)
    }
}
