internal import EventLoop
internal import Observability

/// One connection to the server: connects, sends batches into the pipeline, hands out the answers.
///
/// Confined to its pool, which calls `advance` when the socket is ready and `expire` as time passes, and looks at `phase`
/// afterwards. It never waits by itself.
final class Connection {
    /// Where the connection is in its life.
    enum Phase {
        case connecting
        case ready
        case closed(PostgresError)
    }

    let id: Int
    private(set) var phase = Phase.connecting
    /// The transaction or session that has the connection to itself.
    var lease: Lease?
    /// Batches to send again elsewhere: interrupted by a cancellation that was meant for another one.
    var interrupted: [BatchRequest] = []

    private let loop: EventLoop
    private let wake: @Sendable (Readiness) -> Void
    private let connectDeadline: Duration
    private var handle: ConnectionHandle?
    private var watcher: DescriptorWatcher?
    private var isWatchingWrites = false
    private var pipeline: Pipeline
    private var script: ScriptRun?
    private var cancellation: Cancellation?

    /// A cancel request, from the decision to send it until the pipeline has run dry.
    private struct Cancellation {
        var target: UInt64
        var began: Duration
        var sentAt: Duration
        var isSending = true
    }

    /// A script by the simple protocol.
    private struct ScriptRun {
        let request: BatchRequest
        let lease: Lease.ID?
        var error: PostgresError?
        var isAbandoned = false
    }

    /// Begins to connect. `wake` is called on the loop whenever the socket is ready.
    init(
        id: Int, parameters: [(keyword: String, value: String)], statementLimit: Int, connectDeadline: Duration,
        loop: EventLoop, logger: Logger, wake: @escaping @Sendable (Readiness) -> Void
    ) throws(PostgresError) {
        self.id = id
        self.loop = loop
        self.wake = wake
        self.connectDeadline = connectDeadline
        pipeline = Pipeline(statementLimit: statementLimit)
        let handle = try ConnectionHandle(connecting: parameters, logger: logger)
        self.handle = handle
        if handle.isBad { close(connectFailure(handle)) } else { watchWhileConnecting(handle, .writable) }
    }

    /// Batches and scripts not answered by the server yet.
    var inFlight: Int { pipeline.count + (script == nil ? 0 : 1) }

    /// Whether a cancel request may still hit whatever the connection executes.
    var isQuarantined: Bool { cancellation != nil }

    // MARK: Progress

    /// Does what the socket's readiness allows.
    func advance(_ readiness: Readiness) {
        guard let handle else { return }
        switch phase {
        case .closed: break
        case .connecting: advanceConnecting(handle)
        case .ready:
            guard handle.consumeInput(), !readiness.contains(.failed) else { return end(handle) }
            receive(handle)
            if handle.isBad { return close(connectionLost(handle)) }
            flush()
        }
    }

    /// The stream is at its end, or broken: then nothing is watched any more, although the server's last words may have been
    /// read before the error was.
    private func end(_ handle: ConnectionHandle) {
        var reads = 0
        while reads < Self.lastReads, handle.consumeInput() { reads += 1 }
        // An error report may have arrived with the end of the stream: it explains more than the loss.
        receive(handle)
        close(connectionLost(handle))
    }

    private static let lastReads = 8

    private func advanceConnecting(_ handle: ConnectionHandle) {
        // libpq may close the socket in `poll`; a closed descriptor must not be watched.
        watcher?.stop()
        watcher = nil
        let next = handle.poll()
        switch next {
        case .failed: close(connectFailure(handle))
        case .readable, .writable: watchWhileConnecting(handle, next)
        case .done:
            guard handle.becomeNonblockingPipeline() else { return close(connectFailure(handle)) }
            phase = .ready
            watch(handle, readable: true, writable: false)
        }
    }

    private func watchWhileConnecting(_ handle: ConnectionHandle, _ polling: ConnectionHandle.Polling) {
        watch(handle, readable: polling == .readable, writable: polling == .writable)
    }

    private func watch(_ handle: ConnectionHandle, readable: Bool, writable: Bool) {
        do {
            let watcher = try self.watcher ?? DescriptorWatcher(fd: handle.socket, loop: loop, handler: wake)
            watcher.watch(readable: readable, writable: writable)
            self.watcher = watcher
            isWatchingWrites = writable
        } catch {
            close(PostgresError(.connectionFailed, "cannot watch the socket: \(error)"))
        }
    }

    private func connectFailure(_ handle: ConnectionHandle) -> PostgresError {
        PostgresError(.connectionFailed, "cannot connect", serverMessage: handle.errorMessage)
    }

    private func connectionLost(_ handle: ConnectionHandle) -> PostgresError {
        PostgresError(.connectionLost, "the connection broke", serverMessage: handle.errorMessage)
    }

    // MARK: Sending

    /// Whether a ROLLBACK would find nothing to roll back, of which the server would warn in its log.
    var isOutsideTransaction: Bool { pipeline.isEmpty && script == nil && handle?.isOutsideTransaction == true }

    /// Sends the batch. Its caller is answered in any case, at once when the connection is closed.
    func send(_ request: BatchRequest) {
        guard let handle, case .ready = phase else {
            return request.complete(.failure(PostgresError(.connectionLost, "the connection is closed")))
        }
        guard script == nil else {
            return request.complete(.failure(PostgresError(.invalidQuery, "a script is on its way")))
        }
        if request.role == .script { return sendScript(request, handle) }
        releaseDoomedStatements(handle)
        let mayCommit = request.role == .commit || lease?.isTransaction != true
        var batch = Pipeline.Batch(id: pipeline.nextID(), request: request, lease: lease?.id, mayCommit: mayCommit)
        var isSent = true
        if let begin = lease?.takeBegin() { isSent = send(begin, in: &batch, isVisible: false, handle) }
        for query in request.queries where isSent {
            isSent = send(query, in: &batch, isVisible: true, handle)
        }
        if isSent, request.role == .commit {
            isSent = handle.sendUnnamed(sql: "COMMIT", PostgresBindings())
            batch.steps.append(.commit)
            lease?.commitWasSent()
        }
        pipeline.append(batch)
        guard isSent, handle.sendSync() else { return close(connectionLost(handle)) }
        flush()
    }

    private func send(
        _ query: PostgresQuery, in batch: inout Pipeline.Batch, isVisible: Bool, _ handle: ConnectionHandle
    ) -> Bool {
        let key = StatementKey(query)
        defer { batch.steps.append(.execute(key, isVisible: isVisible)) }
        switch pipeline.statements.use(key, in: batch.id) {
        case .unnamed: return handle.sendUnnamed(sql: query.sql, query.bindings)
        case .prepared(let name): return handle.sendExecute(name: name, query.bindings)
        case .prepare(let name):
            batch.steps.append(.prepare(key))
            return handle.sendPrepare(name: name, sql: query.sql, types: query.bindings.types)
                && handle.sendExecute(name: name, query.bindings)
        }
    }

    /// In a batch of its own: what fails here must not fail a caller. Not within a transaction, which it could abort.
    private func releaseDoomedStatements(_ handle: ConnectionHandle) {
        guard lease?.isInTransaction != true else { return }
        let names = pipeline.statements.takeDoomed()
        guard !names.isEmpty else { return }
        let queries = names.map { PostgresQuery(unescaped: "DEALLOCATE \($0)") }
        let request = BatchRequest(
            token: CallToken(), queries: queries, role: .housekeeping, deadline: loop.now + Self.housekeepingLimit,
            continuation: nil)
        var batch = Pipeline.Batch(id: pipeline.nextID(), request: request, lease: nil, mayCommit: false)
        for query in queries {
            guard handle.sendUnnamed(sql: query.sql, query.bindings) else { break }
            batch.steps.append(.execute(StatementKey(query), isVisible: false))
        }
        pipeline.append(batch)
        if !handle.sendSync() { close(connectionLost(handle)) }
    }

    private func sendScript(_ request: BatchRequest, _ handle: ConnectionHandle) {
        guard pipeline.isEmpty, handle.leavePipelineMode() else {
            let error = PostgresError(.invalidQuery, "a script needs a connection without work on its way")
            return request.complete(.failure(error))
        }
        script = ScriptRun(request: request, lease: lease?.id)
        guard handle.sendScript(request.queries.map(\.sql).joined(separator: ";\n")) else {
            return close(connectionLost(handle))
        }
        flush()
    }

    private func flush() {
        guard let handle, case .ready = phase else { return }
        guard let isFlushed = handle.flush() else { return close(connectionLost(handle)) }
        if isWatchingWrites == isFlushed { watch(handle, readable: true, writable: !isFlushed) }
    }

    // MARK: Receiving

    private func receive(_ handle: ConnectionHandle) {
        if script != nil { return receiveScript(handle) }
        var silence = 0
        while !pipeline.isEmpty, !handle.isBusy, silence < 3 {
            do {
                let result = handle.nextResult()
                // Between two commands there is one nil; more in a row mean that there is nothing to come.
                silence = result == nil ? silence + 1 : 0
                guard silence < 2 else { continue }
                if let batch = try pipeline.receive(event(result)) { finish(batch) }
                if result?.verdict == .unsupported {
                    // libpq would go on answering that a COPY has begun.
                    return close(PostgresError(.connectionLost, "closed because of a COPY"))
                }
            } catch {
                return close(error)
            }
        }
        if pipeline.isEmpty { becameIdle(handle) }
    }

    private func event(_ result: ResultHandle?) -> Pipeline.Event {
        guard let result else { return .endOfCommand }
        return switch result.verdict {
        case .success: .success(result)
        case .sync: .sync
        case .skipped: .skipped
        case .unsupported: .failure(PostgresError(.invalidQuery, "COPY is not supported"))
        case .failure: .failure(result.error())
        }
    }

    private func finish(_ batch: Pipeline.Batch) {
        settleLease(batch)
        guard !batch.isAbandoned else { return }
        if batch.request.role == .housekeeping, let error = batch.error, error.sqlState == .queryCanceled {
            // A late cancel request hit what tidies up: nobody is to meet the settings or wait for the locks of a session.
            close(error)
        }
        guard let error = batch.error, error.sqlState == .queryCanceled || error.isStaleStatement else {
            return batch.request.complete(batch.outcome)
        }
        let isInnocent = error.isStaleStatement || isQuarantined
        if isInnocent, batch.lease == nil, !batch.request.isRepeated, batch.request.role != .housekeeping {
            // Rolled back as a whole through no fault of its own: once more.
            var request = batch.request
            request.isRepeated = true
            return interrupted.append(request)
        }
        guard error.sqlState == .queryCanceled else { return batch.request.complete(.failure(error)) }
        batch.request.complete(
            .failure(
                PostgresError(.timedOut, "the server cancelled the statement", serverMessage: error.serverMessage)))
    }

    private func settleLease(_ batch: Pipeline.Batch) {
        guard let lease, lease.id == batch.lease else { return }
        if batch.error != nil {
            self.lease?.failed()
        } else if batch.request.role == .commit {
            self.lease?.committed()
        }
    }

    private func receiveScript(_ handle: ConnectionHandle) {
        while !handle.isBusy {
            if let result = handle.nextResult() {
                guard result.verdict != .unsupported else {
                    script?.error = PostgresError(.invalidQuery, "COPY is not supported")
                    return close(PostgresError(.connectionLost, "closed because of a COPY"))
                }
                if case .failure(let error) = event(result), script?.error == nil { script?.error = error }
                continue
            }
            guard let run = script else { return }
            script = nil
            if run.error != nil, run.lease == lease?.id { lease?.failed() }
            guard !run.isAbandoned else {
                // Its session could not be tidied behind it, and may hold locks.
                return close(PostgresError(.connectionLost, "closed because of a script that was given up"))
            }
            run.request.complete(run.error.map { .failure($0) } ?? .success([]))
            guard handle.enterPipelineMode() else { return close(connectionLost(handle)) }
            return becameIdle(handle)
        }
    }

    private func becameIdle(_ handle: ConnectionHandle) {
        if cancellation?.isSending == false { cancellation = nil }
        // A rollback that was itself cancelled would leave the next caller inside a dead transaction.
        if lease == nil, !handle.isBad, !handle.isOutsideTransaction {
            close(PostgresError(.connectionLost, "the connection was left in a transaction"))
        }
    }

    // MARK: Bounds

    /// Answers the callers whose deadline has passed.
    func expire(now: Duration) {
        if case .connecting = phase, now >= connectDeadline {
            return close(PostgresError(.connectionFailed, "connecting took too long"))
        }
        abandon(PostgresError(.timedOut, "no answer within the bound")) { $0.deadline <= now }
    }

    /// Answers a cancelled caller. False when its call is not on this connection.
    func cancel(_ token: CallToken) -> Bool {
        abandon(PostgresError(.cancelled, "the task was cancelled")) { $0.token === token }
    }

    @discardableResult
    private func abandon(_ error: PostgresError, where matches: (BatchRequest) -> Bool) -> Bool {
        let batches = pipeline.abandon(where: matches)
        for batch in batches {
            if batch.lease == lease?.id { lease?.failed() }
            batch.request.complete(.failure(error.withOutcomeUnknown(batch.mayCommit)))
        }
        guard let run = script, !run.isAbandoned, matches(run.request) else { return !batches.isEmpty }
        script?.isAbandoned = true
        if run.lease == lease?.id { lease?.failed() }
        run.request.complete(.failure(error.withOutcomeUnknown(lease?.isTransaction != true)))
        return true
    }

    /// How long a cancel request has to show an effect; one that arrives between two statements has none.
    private static let cancelPatience = Duration.milliseconds(100)

    /// The cancel request to send now, if the server works for a caller who has gone. When earlier requests have not
    /// helped within `grace` the connection is closed instead.
    func cancelHandleIfDue(now: Duration, grace: Duration) -> CancelHandle? {
        guard case .ready = phase, let handle, let target = abandonedTarget else { return nil }
        var began = now
        if let current = cancellation {
            if current.target == target {
                began = current.began
                if now - began > grace {
                    close(PostgresError(.connectionLost, "the server does not react to a cancel request"))
                    return nil
                }
            }
            let isRecent = current.target == target && now - current.sentAt < Self.cancelPatience
            if current.isSending || isRecent { return nil }
        }
        guard let request = handle.makeCancelHandle() else {
            close(PostgresError(.connectionLost, "no cancel request can be made"))
            return nil
        }
        cancellation = Cancellation(target: target, began: began, sentAt: now)
        return request
    }

    private var abandonedTarget: UInt64? {
        if let script { return script.isAbandoned ? 0 : nil }
        guard let first = pipeline.first, first.isAbandoned else { return nil }
        return first.id
    }

    /// The cancel request is sent, or could not be.
    func cancelWasSent() {
        cancellation?.isSending = false
        if inFlight == 0 { cancellation = nil }
    }

    /// Ends the connection. Everything on its way fails.
    func close(_ error: PostgresError) {
        if case .closed = phase { return }
        phase = .closed(error)
        watcher?.stop()
        watcher = nil
        handle = nil
        for batch in pipeline.removeAll() where !batch.isAbandoned {
            batch.request.complete(.failure(cause(batch.error, error, mayCommit: batch.mayCommit)))
        }
        if let run = script, !run.isAbandoned {
            run.request.complete(.failure(cause(run.error, error, mayCommit: lease?.isTransaction != true)))
        }
        script = nil
    }

    /// What the server said explains more than the loss of the connection, and means that nothing was committed; but for
    /// a server going down, which may do so after the commit and before its answer.
    private func cause(_ server: PostgresError?, _ loss: PostgresError, mayCommit: Bool) -> PostgresError {
        if let server, server.code != .connectionLost {
            return server.withOutcomeUnknown(mayCommit && server.sqlState?.conditionClass == "57")
        }
        return loss.withOutcomeUnknown(mayCommit)
    }

    private static let housekeepingLimit = Duration.seconds(5)
}
