/// The batches on their way over one connection, in the order sent, as a value.
///
/// The server answers in the order of sending. A batch ends with its Sync, which is also where the server returns to
/// normal after an error; so an error is confined to its batch.
struct Pipeline {
    /// One command of a batch.
    enum Step {
        case prepare(StatementKey)
        /// `isVisible`: its rows are for the caller.
        case execute(StatementKey, isVisible: Bool)
        /// COMMIT: in a failed transaction the server answers with success and the tag ROLLBACK.
        case commit
    }

    /// One caller's batch.
    struct Batch {
        let id: UInt64
        let request: BatchRequest
        var steps: [Step] = []
        var next = 0
        var rows: [PostgresRows] = []
        var error: PostgresError?
        /// The caller has its answer already (deadline or cancellation).
        var isAbandoned = false
        /// The lease it was sent under, if any.
        let lease: Lease.ID?
        /// Whether the server may commit it without a further command: not so for statements of an open transaction.
        let mayCommit: Bool
        fileprivate var hasResult = false

        init(id: UInt64, request: BatchRequest, lease: Lease.ID?, mayCommit: Bool) {
            self.id = id
            self.request = request
            self.lease = lease
            self.mayCommit = mayCommit
        }

        var outcome: BatchRequest.Outcome { error.map { .failure($0) } ?? .success(rows) }
    }

    /// What the server said, one at a time.
    enum Event {
        case success(ResultHandle)
        case failure(PostgresError)
        /// Not executed, because of an error before it in the same batch.
        case skipped
        case endOfCommand
        case sync
    }

    private var batches: [Batch?] = []
    private var head = 0
    private var lastID: UInt64 = 0
    var statements: StatementCache

    init(statementLimit: Int) { statements = StatementCache(limit: statementLimit) }

    var count: Int { batches.count - head }
    var isEmpty: Bool { count == 0 }
    /// The batch that the server is executing, or will next.
    var first: Batch? { head < batches.count ? batches[head] : nil }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    mutating func append(_ batch: Batch) { batches.append(batch) }

    /// Takes the server's next word; returns the batch that it completes. False words throw `protocolViolation`.
    mutating func receive(_ event: Event) throws(PostgresError) -> Batch? {
        guard head < batches.count, var batch = batches[head] else {
            throw PostgresError(.protocolViolation, "a result without a batch")
        }
        // Taken out, so that the arrays in it are changed in place.
        batches[head] = nil
        if case .sync = event {
            removeFirst()
            return batch
        }
        defer { batches[head] = batch }
        if case .endOfCommand = event {
            if batch.hasResult { batch.next += 1 }
            batch.hasResult = false
            return nil
        }
        if case .failure(let error) = event, batch.next == batch.steps.count {
            // The commit itself failed, as by a deferred constraint: reported at the Sync, after every command's success.
            batch.error = batch.error ?? error
            return nil
        }
        guard batch.next < batch.steps.count else {
            throw PostgresError(.protocolViolation, "more results than commands")
        }
        batch.hasResult = true
        apply(event, to: &batch)
        return nil
    }

    private mutating func apply(_ event: Event, to batch: inout Batch) {
        switch (batch.steps[batch.next], event) {
        case (.prepare(let key), .success): statements.succeeded(key)
        case (.prepare(let key), .failure(let error)):
            statements.failed(key)
            batch.error = batch.error ?? error
        case (.prepare(let key), _): statements.failed(key)
        case (.execute(_, true), .success(let result)): batch.rows.append(PostgresRows(result: result))
        case (.execute(let key, _), .failure(let error)):
            if error.isStaleStatement { statements.forget(key) }
            batch.error = batch.error ?? error
        case (.commit, .success(let result)):
            guard result.commandTag != "COMMIT" else { return }
            batch.error = batch.error ?? PostgresError(.transactionAborted, "rolled back instead of committed")
        case (.commit, .failure(let error)): batch.error = batch.error ?? error
        default: break
        }
    }

    /// Marks the matching batches so that their callers are answered only once; returns those not marked before.
    mutating func abandon(where matches: (BatchRequest) -> Bool) -> [Batch] {
        var abandoned: [Batch] = []
        for index in head..<batches.count {
            guard let batch = batches[index], !batch.isAbandoned, matches(batch.request) else { continue }
            batches[index]?.isAbandoned = true
            abandoned.append(batch)
        }
        return abandoned
    }

    /// Empties the pipeline; for a connection that is gone.
    mutating func removeAll() -> [Batch] {
        defer {
            batches.removeAll()
            head = 0
        }
        return batches[head...].compactMap { $0 }
    }

    private mutating func removeFirst() {
        head += 1
        if head == batches.count {
            batches.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64 && head * 2 >= batches.count {
            batches.removeFirst(head)
            head = 0
        }
    }
}
