package import EventLoop
package import Observability

/// Connections to one database, shared by many callers, on one event loop.
///
/// `query` and `batch` are pipelined: many callers' batches are on their way over one connection, each a transaction of its
/// own. `withTransaction` and `withConnection` hold a connection for themselves; to call the pool inside them takes a second
/// one, which may never come while all holders do so. Every call returns within its bound.
package actor PostgresPool {
    /// The pool's view of the database.
    package enum State: Sendable, Equatable {
        /// `start()` has not been called, or no attempt to connect has ended yet.
        case starting
        /// There are connections.
        case ready(connections: Int)
        /// There is none; `reason` says why, without host, user or password.
        case unavailable(reason: String)
        case closed
    }

    /// Counts for metrics.
    package struct Statistics: Sendable, Equatable {
        package var connections = 0
        package var idle = 0
        package var inFlight = 0
        package var waiting = 0
    }

    private enum Phase { case new, running, draining, closed }

    package nonisolated let loop: EventLoop
    package nonisolated let configuration: Configuration
    nonisolated let logger: Logger

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private var phase = Phase.new
    private var connections: [Int: Connection] = [:]
    private var ledger: PoolLedger
    private var waiters: WaiterQueue
    private var leases: UInt64 = 0
    private var lastFailure: PostgresError?
    private var timer: LoopTimer?
    private var isTicking = false
    private var offload: OffloadPool?
    private var background: [Int: Task<Void, Never>] = [:]
    private var lastBackground = 0

    /// Makes a pool that does nothing before `start()`. Throws `invalidConfiguration`.
    package init(loop: EventLoop, configuration: Configuration, logger: Logger = .silent) throws(PostgresError) {
        try configuration.validate()
        self.loop = loop
        self.configuration = configuration
        self.logger = logger.with([.component: "postgres"])
        ledger = PoolLedger(
            limits: PoolLedger.Limits(
                minimum: configuration.minimumConnections, maximum: configuration.maximumConnections,
                depth: configuration.pipelineDepth, idle: configuration.idleTimeout),
            backoff: Backoff(base: .milliseconds(50), limit: .seconds(1)))
        waiters = WaiterQueue(limit: configuration.maximumWaiters)
    }

    // MARK: Life

    /// Begins to connect and returns at once; an unreachable database is tried again until `shutdown`.
    package func start() {
        guard phase == .new else { return }
        phase = .running
        timer = loop.makeTimer { [weak self] in self?.assumeIsolated { $0.tick() } }
        openConnections(hasDemand: false)
        scheduleTick()
    }

    /// Refuses new calls, waits at most `grace` for those on their way, closes every connection.
    package func shutdown(grace: Duration = .seconds(5)) async {
        guard phase != .closed else { return }
        phase = .draining
        for waiter in waiters.remove(where: { _ in true }) { waiter.fail(Self.closedError) }
        let end = loop.now + grace
        while connections.values.contains(where: { $0.inFlight > 0 || $0.lease != nil }), loop.now < end {
            do { try await loop.sleep(for: .milliseconds(5)) } catch { break }
        }
        phase = .closed
        for connection in connections.values { connection.close(Self.closedError) }
        connections.removeAll()
        timer?.cancel()
        timer = nil
        for task in background.values { task.cancel() }
        // A cancel request may hang in the kernel for minutes; then its thread is left to end by itself.
        if background.isEmpty { offload?.shutdown() }
    }

    /// Whether there is a database, for readiness.
    package var state: State {
        guard phase != .closed else { return .closed }
        let ready = ledger.readyCount
        if ready > 0 { return .ready(connections: ready) }
        guard let lastFailure else { return .starting }
        return .unavailable(reason: lastFailure.description)
    }

    /// Counts for metrics.
    package var statistics: Statistics {
        Statistics(
            connections: ledger.readyCount, idle: ledger.idleCount,
            inFlight: connections.values.reduce(0) { $0 + $1.inFlight }, waiting: waiters.count)
    }

    private static let closedError = PostgresError(.poolClosed, "the pool is shut down")

    // MARK: Batches

    /// Sends the batch on some connection, now or when one is free.
    func submit(_ request: BatchRequest) {
        if let refusal = refusal(request.token) ?? request.fault(now: loop.now) {
            return request.complete(.failure(refusal))
        }
        if waiters.isEmpty, let id = ledger.connectionForBatch(), let connection = connections[id] {
            let isBusy = ledger.idleCount == 0
            connection.send(request)
            settle(connection)
            if isBusy { openConnections(hasDemand: true) }
        } else {
            wait(.batch(request))
        }
    }

    /// Sends the batch on the connection that the lease holds.
    func submit(_ request: BatchRequest, under lease: Lease.ID) {
        guard !request.token.isCancelled else {
            return request.complete(.failure(PostgresError(.cancelled, "the task was cancelled")))
        }
        guard let connection = connections[lease.connection], let held = connection.lease else {
            return request.complete(.failure(lostLease(lease)))
        }
        guard held.id == lease else { return request.complete(.failure(Self.endedLease)) }
        if let refusal = held.refusal ?? request.fault(now: loop.now) { return request.complete(.failure(refusal)) }
        if request.role == .commit, request.queries.isEmpty, !held.hasBegun {
            connection.lease?.committed()
            return request.complete(.success([]))
        }
        connection.send(request)
        settle(connection)
    }

    private func lostLease(_ lease: Lease.ID) -> PostgresError {
        connections[lease.connection] == nil
            ? PostgresError(.connectionLost, "the connection of the transaction is gone") : Self.endedLease
    }

    private static let endedLease = PostgresError(.leaseEnded, "the transaction or session is over")

    private func refusal(_ token: CallToken) -> PostgresError? {
        if phase == .draining || phase == .closed { return Self.closedError }
        return token.isCancelled ? PostgresError(.cancelled, "the task was cancelled") : nil
    }

    /// Ends a call whose task was cancelled, wherever it is.
    func cancel(_ token: CallToken) {
        for waiter in waiters.remove(where: { $0.token === token }) {
            waiter.fail(PostgresError(.cancelled, "the task was cancelled"))
        }
        for connection in Array(connections.values) where connection.cancel(token) { settle(connection) }
        tickSoon()
    }

    // MARK: Leases

    /// Gives a connection to one caller, now or when one is free.
    func acquire(_ request: LeaseRequest) {
        if let refusal = refusal(request.token) { return request.continuation.resume(returning: .failure(refusal)) }
        guard waiters.isEmpty, let id = ledger.connectionForLease(), let connection = connections[id] else {
            return wait(.lease(request))
        }
        let isBusy = ledger.idleCount == 0
        grant(request, on: connection)
        if isBusy { openConnections(hasDemand: true) }
    }

    private func grant(_ request: LeaseRequest, on connection: Connection) {
        leases += 1
        let id = Lease.ID(connection: connection.id, serial: leases)
        let purpose: Lease.Purpose = request.begin.map { .transaction(.notBegun(begin: $0)) } ?? .session
        connection.lease = Lease(id: id, purpose: purpose)
        settle(connection)
        request.continuation.resume(returning: .success(id))
    }

    /// Takes the connection back and brings it into the state in which it was given: others may have it at once, as what it
    /// sends goes before anything that comes later over the same connection. The holder goes on when the server has done it,
    /// whatever the outcome: a connection that stays in a transaction is closed, which ends that too. The holder does not
    /// wait behind a statement that was given up, because its bound has passed.
    func release(_ lease: Lease.ID, _ continuation: CheckedContinuation<BatchRequest.Outcome, Never>) {
        guard let connection = connections[lease.connection], let held = connection.lease, held.id == lease else {
            return continuation.resume(returning: .success([]))
        }
        connection.lease = nil
        let isAnswering = connection.inFlight == 0
        let holder = isAnswering ? continuation : nil
        if !held.isTransaction {
            if !connection.isOutsideTransaction { tidy(connection, ["ROLLBACK"]) }
            tidy(connection, ["SELECT pg_advisory_unlock_all()", "RESET ALL"], holder)
        } else if held.needsRollback {
            tidy(connection, ["ROLLBACK"], holder)
        } else {
            holder?.resume(returning: .success([]))
        }
        settle(connection)
        if !isAnswering { continuation.resume(returning: .success([])) }
    }

    private func tidy(
        _ connection: Connection, _ queries: [PostgresQuery],
        _ continuation: CheckedContinuation<BatchRequest.Outcome, Never>? = nil
    ) {
        connection.send(
            BatchRequest(
                token: CallToken(), queries: queries, role: .housekeeping,
                deadline: loop.now + configuration.callTimeout, continuation: continuation))
    }

    // MARK: Waiting

    private func wait(_ want: Waiter.Want) {
        let waiter = Waiter(want: want, since: loop.now)
        guard waiters.append(waiter) else {
            return waiter.fail(PostgresError(.poolExhausted, "too many callers wait for a connection"))
        }
        openConnections(hasDemand: true)
        tickSoon()
    }

    private func serveWaiters() {
        while let waiter = waiters.first {
            switch waiter.want {
            case .batch(let request):
                guard let id = ledger.connectionForBatch(), let connection = connections[id] else { return }
                waiters.removeFirst()
                connection.send(request)
                record(connection)
            case .lease(let request):
                guard let id = ledger.connectionForLease(), let connection = connections[id] else { return }
                waiters.removeFirst()
                grant(request, on: connection)
            }
        }
    }

    // MARK: Connections

    private func openConnections(hasDemand: Bool) {
        guard phase == .running || phase == .draining else { return }
        for id in ledger.open(hasDemand: hasDemand, now: loop.now) {
            if HostResolver.isAddress(configuration.host) {
                connect(id, addresses: [])
            } else {
                resolveAndConnect(id)
            }
        }
    }

    private func resolveAndConnect(_ id: Int) {
        let host = configuration.host
        inBackground { pool in
            do {
                let addresses = try await pool.offloadPool().run { try HostResolver.addresses(of: host) }
                await pool.connect(id, addresses: addresses)
            } catch {
                await pool.connectFailed(id, error)
            }
        }
    }

    private func connectFailed(_ id: Int, _ error: any Error) {
        lastFailure = error as? PostgresError ?? PostgresError(.connectionFailed, "the host name was not looked up")
        ledger.closed(id, now: loop.now)
        logFailure()
        tickSoon()
    }

    private func connect(_ id: Int, addresses: [String]) {
        guard phase != .closed else { return }
        do {
            let connection = try Connection(
                id: id, parameters: configuration.connectionParameters(addresses: addresses),
                statementLimit: configuration.statementLimit,
                connectDeadline: loop.now + configuration.connectTimeout, loop: loop, logger: logger
            ) { [weak self] readiness in
                self?.assumeIsolated { $0.socketIsReady(id, readiness) }
            }
            connections[id] = connection
            settle(connection)
            tickSoon()
        } catch {
            connectFailed(id, error)
        }
    }

    private func socketIsReady(_ id: Int, _ readiness: Readiness) {
        guard let connection = connections[id] else { return }
        connection.advance(readiness)
        settle(connection)
    }

    /// Brings the ledger in line with the connection, and does what follows from it.
    private func settle(_ connection: Connection) {
        // Not at the next tick: nothing is to work for a caller who has gone, nor for the next one behind it.
        sendCancel(connection, loop.now)
        record(connection)
        let interrupted = connection.interrupted
        connection.interrupted = []
        for request in interrupted { submit(request) }
        if !waiters.isEmpty { serveWaiters() }
        if ledger.needsConnections { openConnections(hasDemand: !waiters.isEmpty) }
        if connection.inFlight > 0 { tickSoon() }
    }

    private func record(_ connection: Connection) {
        switch connection.phase {
        case .connecting: break
        case .ready:
            if ledger.readyCount == 0 { logger.info("connected", [.attempt: .int(ledger.failures + 1)]) }
            ledger.update(
                connection.id, inFlight: connection.inFlight, isLeased: connection.lease != nil,
                isQuarantined: connection.isQuarantined, now: loop.now)
        case .closed(let error):
            guard connections.removeValue(forKey: connection.id) != nil else { return }
            lastFailure = error
            ledger.closed(connection.id, now: loop.now)
            if phase == .running { logFailure() }
            tickSoon()
        }
    }

    private func logFailure() {
        guard let lastFailure, ledger.failures <= 1 || ledger.failures.isMultiple(of: 30) else { return }
        logger.warning(
            "no connection",
            [
                .error: .string(lastFailure.description), .reason: .string(lastFailure.serverMessage ?? ""),
                .attempt: .int(ledger.failures),
            ])
    }

    // MARK: Time

    private static let busyInterval = Duration.milliseconds(20)
    private static let idleInterval = Duration.seconds(1)

    /// From now on deadlines are looked at often, until nothing is on its way.
    private func tickSoon() {
        guard !isTicking, let timer else { return }
        isTicking = true
        timer.schedule(after: Self.busyInterval)
    }

    private func scheduleTick() {
        let isBusy = !waiters.isEmpty || ledger.hasWorkInFlight || ledger.needsConnections
        isTicking = isBusy
        timer?.schedule(after: isBusy ? Self.busyInterval : Self.idleInterval)
    }

    private func tick() {
        guard phase != .closed else { return }
        let now = loop.now
        expireWaiters(now)
        for connection in Array(connections.values) {
            connection.expire(now: now)
            settle(connection)
        }
        for id in ledger.surplus(now: now) { connections[id].map { retire($0) } }
        for id in ledger.silent(since: now - configuration.probeInterval) { connections[id].map { probe($0) } }
        openConnections(hasDemand: !waiters.isEmpty)
        scheduleTick()
    }

    /// A Sync alone: the server answers it, whatever it does else.
    private func probe(_ connection: Connection) {
        ledger.probing(connection.id)
        tidy(connection, [])
        settle(connection)
    }

    private func retire(_ connection: Connection) {
        connection.close(Self.closedError)
        connections[connection.id] = nil
        ledger.closed(connection.id, now: loop.now)
    }

    private func expireWaiters(_ now: Duration) {
        let isUnavailable = ledger.readyCount == 0 && ledger.failures > 0
        let patience = now - configuration.unavailableTimeout
        let expired = waiters.remove { $0.deadline <= now || (isUnavailable && $0.since <= patience) }
        guard !expired.isEmpty else { return }
        let error =
            ledger.readyCount == 0
            ? PostgresError(.connectionFailed, "the database cannot be reached")
            : PostgresError(.poolExhausted, "no connection became free within the bound")
        for waiter in expired { waiter.fail(error) }
    }

    private func sendCancel(_ connection: Connection, _ now: Duration) {
        guard let handle = connection.cancelHandleIfDue(now: now, grace: configuration.cancelGrace) else { return }
        let id = connection.id
        inBackground { pool in
            do {
                let isSent = try await pool.offloadPool().run { handle.send() }
                if !isSent { pool.logger.warning("a cancel request could not be sent") }
            } catch {
                pool.logger.warning("a cancel request was not sent", [.error: .error(error)])
            }
            await pool.cancelWasSent(id)
        }
    }

    private func cancelWasSent(_ id: Int) {
        guard let connection = connections[id] else { return }
        connection.cancelWasSent()
        settle(connection)
    }

    /// Runs work that needs another thread; `shutdown` cancels what is left of it.
    private func inBackground(_ body: @escaping @Sendable (PostgresPool) async -> Void) {
        lastBackground += 1
        let id = lastBackground
        background[id] = loop.spawn {
            await body(self)
            await self.backgroundEnded(id)
        }
    }

    private func backgroundEnded(_ id: Int) { background[id] = nil }

    private func offloadPool() -> OffloadPool {
        if let offload { return offload }
        let made = OffloadPool(name: "postgres", threads: 2, queueLimit: 256)
        offload = made
        return made
    }
}
