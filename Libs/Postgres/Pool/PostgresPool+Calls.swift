extension PostgresPool {
    /// Runs one statement as a transaction of its own.
    ///
    /// Throws within `timeout` (the configuration's `callTimeout` when nil) plus a few milliseconds.
    @discardableResult
    package nonisolated func query(
        _ query: PostgresQuery, timeout: Duration? = nil
    ) async throws(PostgresError) -> PostgresRows {
        try await batch([query], timeout: timeout).onlyResult()
    }

    /// Runs the statements as one transaction in one round trip: all of them or none. The rows of each, in order.
    ///
    /// What needs the result of an earlier statement needs `withTransaction`, or one statement with a CTE.
    @discardableResult
    package nonisolated func batch(
        _ queries: [PostgresQuery], timeout: Duration? = nil
    ) async throws(PostgresError) -> [PostgresRows] {
        guard !queries.isEmpty else { return [] }
        return try await perform(
            queries, role: .statements, lease: nil, deadline: loop.now + (timeout ?? configuration.callTimeout))
    }

    /// Runs `body` in an explicit transaction on a connection of its own, commits when it returns and rolls back when it
    /// throws. BEGIN travels with the first statement and costs no round trip; so does COMMIT with
    /// `PostgresTransaction.commit(with:)`. After `timeout` every
    /// call of the transaction throws `timedOut`, the commit too.
    ///
    /// When it throws, the server has rolled back and let go of the locks, unless it still works on a statement that was given
    /// up, or does not answer within `callTimeout`: then it does so when it can.
    @discardableResult
    package nonisolated func withTransaction<T>(
        isolation: PostgresIsolation = .readCommitted, isReadOnly: Bool = false, timeout: Duration? = nil,
        _ body: (PostgresTransaction) async throws -> T
    ) async throws -> T {
        let deadline = loop.now + (timeout ?? configuration.transactionTimeout)
        let begin = isolation.begin(isReadOnly: isReadOnly)
        return try await withLease(begin: begin, deadline: deadline) { lease in
            let transaction = PostgresTransaction(pool: self, lease: lease, deadline: deadline)
            let value = try await body(transaction)
            try await transaction.commitIfOpen()
            return value
        }
    }

    /// Runs `body` with a connection of its own, for what belongs to a session: advisory locks, settings, scripts. `timeout`
    /// bounds the wait for the connection, not the holding of it. Locks and settings end with it, as transactions do.
    @discardableResult
    package nonisolated func withConnection<T>(
        timeout: Duration? = nil, _ body: (PostgresSession) async throws -> T
    ) async throws -> T {
        try await withLease(begin: nil, deadline: loop.now + (timeout ?? configuration.callTimeout)) { lease in
            try await body(PostgresSession(pool: self, lease: lease))
        }
    }

    /// Runs `body` again, at most `attempts` times in all, while it fails by a serialization failure, a deadlock or a
    /// prepared statement that the schema has outgrown, after a short random wait. `body` is to hold a whole transaction.
    @discardableResult
    package nonisolated func retryingConflicts<T>(
        attempts: Int = 4, _ body: () async throws -> T
    ) async throws -> T {
        let backoff = Backoff(base: .milliseconds(4), limit: .milliseconds(100))
        var failures = 0
        while true {
            do {
                return try await body()
            } catch let error as PostgresError where error.isConflict || error.isStaleStatement {
                failures += 1
                guard failures < attempts else { throw error }
                try await loop.sleep(for: backoff.delay(afterFailures: failures))
            }
        }
    }

    private nonisolated func withLease<T>(
        begin: String?, deadline: Duration, _ body: (Lease.ID) async throws -> T
    ) async throws -> T {
        let token = CallToken()
        let granted = await call(token) { continuation in
            let request = LeaseRequest(begin: begin, token: token, deadline: deadline, continuation: continuation)
            self.onLoop { $0.acquire(request) }
        }
        let lease = try granted.get()
        let outcome: Result<T, any Error>
        do { outcome = .success(try await body(lease)) } catch { outcome = .failure(error) }
        _ = await withCheckedContinuation { continuation in onLoop { $0.release(lease, continuation) } }
        return try outcome.get()
    }

    nonisolated func perform(
        _ queries: [PostgresQuery], role: BatchRequest.Role, lease: Lease.ID?, deadline: Duration
    ) async throws(PostgresError) -> [PostgresRows] {
        let token = CallToken()
        let outcome: BatchRequest.Outcome = await call(token) { continuation in
            let request = BatchRequest(
                token: token, queries: queries, role: role, deadline: deadline, continuation: continuation)
            self.onLoop { pool in
                if let lease { pool.submit(request, under: lease) } else { pool.submit(request) }
            }
        }
        return try outcome.get()
    }

    private nonisolated func call<T: Sendable>(
        _ token: CallToken, _ begin: (CheckedContinuation<T, Never>) -> Void
    ) async -> T {
        await withTaskCancellationHandler {
            await withCheckedContinuation { begin($0) }
        } onCancel: {
            // The mark first: a call that has not reached the loop yet finds it there.
            token.cancel()
            loop.execute { self.assumeIsolated { $0.cancel(token) } }
        }
    }

    /// At once when on the loop already, so that a call sends before it suspends.
    private nonisolated func onLoop(_ body: @escaping @Sendable (isolated PostgresPool) -> Void) {
        if loop.isCurrent {
            assumeIsolated(body)
        } else {
            loop.execute { self.assumeIsolated(body) }
        }
    }
}

extension [PostgresRows] {
    func onlyResult() throws(PostgresError) -> PostgresRows {
        guard let first else { throw PostgresError(.protocolViolation, "a statement without a result") }
        return first
    }
}
