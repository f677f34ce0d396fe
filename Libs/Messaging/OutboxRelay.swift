package import EventLoop
package import Observability
package import Postgres
internal import FaultPoints

/// Publishes the rows of an outbox in order and deletes what the broker has confirmed.
///
/// Of all relays of a shard one is active: the one whose session holds the advisory lock. A row that is not confirmed stays
/// and goes out again, so an event is published at least once.
package actor OutboxRelay {
    /// Bounds of a relay.
    package struct Configuration: Sendable, Hashable {
        /// Which shard of the outbox, from 0.
        package var shard = 0
        /// The most rows of a round, hence confirmations in flight.
        package var batchRows = 500
        /// The most rows of one partition key in a round: they go one after the other, so a round is at least as long as
        /// that many confirmations take.
        package var rowsPerKey = 32
        /// The most bytes of events in memory, but for a single event that is larger.
        package var batchBytes = 4 << 20
        /// How often a relay on standby asks for the lock.
        package var standbyInterval: Duration = .seconds(1)
        /// After how long the server ends the session of a relay that went silent. Longer than a publisher may take.
        package var silenceLimit: Duration = .seconds(12)

        /// The defaults.
        package init() {}
    }

    /// What the relay does.
    package enum State: Sendable, Hashable {
        /// Not running, or without a database.
        case stopped
        /// Another relay is active.
        case standby
        /// This one publishes.
        case active
    }

    private static let backlogInterval: Duration = .seconds(5)
    private static let backlogLimit = 100_000
    /// After how many rows gone through the table is vacuumed: when there is nothing else to do, and in any case.
    private static let vacuumRows = 20_000...100_000
    private static let vacuumTimeout: Duration = .seconds(8)
    /// How long a stopped relay waits for the broker.
    private static let farewell: Duration = .seconds(1)

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// What the relay does at present, for readiness and tests.
    package private(set) var state = State.stopped

    private let pool: PostgresPool
    private let publisher: any EventPublisher
    private let outbox: Outbox
    private let configuration: Configuration
    private let logger: Logger
    private let metrics: RelayMetrics
    private var schedule = RelaySchedule()
    private var random = SystemRandomNumberGenerator()
    private var seen: UInt64 = 0
    private var nextBacklog = Duration.zero
    /// Rows deleted since the table was last vacuumed from here.
    private var gone = 0

    /// Makes a relay on the pool's event loop; it needs one connection of the pool for itself.
    package init(
        pool: PostgresPool, publisher: any EventPublisher, outbox: Outbox, configuration: Configuration = .init(),
        logger: Logger = .silent, metrics: Metrics = Metrics()
    ) {
        precondition(configuration.shard < outbox.shardCount, "the outbox has such a shard")
        loop = pool.loop
        self.pool = pool
        self.publisher = publisher
        self.outbox = outbox
        self.configuration = configuration
        self.logger = logger.with([.component: "outbox-relay"])
        self.metrics = RelayMetrics(metrics)
    }

    /// Relays until the task is cancelled. A database or broker that is away is waited for.
    package func run() async {
        var isFailing = false
        while !Task.isCancelled {
            do {
                try await pool.withConnection { session in try await relayWhileActive(over: session) }
                isFailing = false
            } catch  where !Task.isCancelled {
                if !isFailing { logger.warning("the outbox cannot be read", [.error: .error(error)]) }
                isFailing = true
                state = .stopped
            } catch {
                break
            }
            schedule.restart()
            let pause = configuration.standbyInterval * Double.random(in: 0.5...1.5, using: &random)
            do { try await loop.sleep(for: pause) } catch { break }
        }
        state = .stopped
        metrics.active.set(0)
    }

    /// Returns when another relay is active, throws when the session is lost.
    private func relayWhileActive(over session: PostgresSession) async throws {
        let (isLocked) = try await session.query(OutboxQueries.lock(shard: configuration.shard)).first(as: Bool.self)
        guard isLocked else {
            state = .standby
            return metrics.active.set(0)
        }
        let silence = max(1, Int64(configuration.silenceLimit / .milliseconds(1)))
        try await session.batch([OutboxQueries.limitSilence(milliseconds: silence), OutboxQueries.readInOrder])
        state = .active
        metrics.active.set(1)
        logger.info("relaying the outbox")
        try await relay(over: session)
    }

    private func relay(over session: PostgresSession) async throws {
        var rows = try await next(over: session)
        while !Task.isCancelled {
            if gone >= (rows.isEmpty ? Self.vacuumRows.lowerBound : Self.vacuumRows.upperBound) {
                gone = 0
                try await session.script(OutboxQueries.vacuum, timeout: Self.vacuumTimeout)
            }
            if rows.isEmpty {
                schedule.foundNothing(now: loop.now)
                await idle()
                rows = try await next(over: session)
                continue
            }
            schedule.found(crowdedKeys: Set(rows.lazy.filter(\.isCrowded).map(\.partitionKey)))
            let outcomes = await publish(rows)
            FaultPoint.reached("outbox.after-publish-before-delete")
            let verdict = schedule.settle(
                rows.map { ($0.position, $0.partitionKey) }, outcomes, now: loop.now, using: &random)
            report(verdict, rows, outcomes)
            rows = try await proceed(after: verdict, over: session)
        }
    }

    /// One wave after the other, until all rows are through, the broker fails or the round has lasted long enough.
    private func publish(_ rows: [OutboxQueries.Row]) async -> [PublishOutcome?] {
        var round = RelayRound(keys: rows.lazy.map(\.partitionKey))
        let end = loop.now + schedule.timing.round
        while !round.wave.isEmpty {
            round.settle(await confirmed(round.wave.map { rows[$0].event }))
            // A wave may take as long as a publisher may; the session must not look silent before it is over.
            if Task.isCancelled || loop.now >= end { round.stop() }
        }
        return round.outcomes
    }

    /// Publishes a wave. A relay that is stopped waits a moment for what is under way: what is not known to be confirmed goes out
    /// once more.
    private func confirmed(_ events: [OutboundEvent]) async -> [PublishOutcome] {
        let publishing = Task { await publisher.publish(events) }
        return await withTaskCancellationHandler {
            await publishing.value
        } onCancel: {
            loop.schedule(after: Self.farewell) { publishing.cancel() }
        }
    }

    /// Deletes what is confirmed and reads on: one round trip, unless the broker needs a pause in between.
    private func proceed(after verdict: RelaySchedule.Verdict, over session: PostgresSession) async throws
        -> [OutboxQueries.Row]
    {
        guard schedule.isPaused(now: loop.now) || Task.isCancelled else {
            return try await next(over: session, deleting: verdict.confirmed)
        }
        if !verdict.confirmed.isEmpty {
            let queries = [
                OutboxQueries.relaxDurability,
                OutboxQueries.delete(shard: configuration.shard, positions: verdict.confirmed),
            ]
            // Not in this task, which may be cancelled: what is confirmed should not go out once more.
            _ = try await Task { try await session.batch(queries) }.value
        }
        guard !Task.isCancelled else { return [] }
        await pause()
        return try await next(over: session)
    }

    private func next(over session: PostgresSession, deleting positions: [Int64] = []) async throws -> [OutboxQueries
        .Row]
    {
        var queries: [PostgresQuery] = []
        if !positions.isEmpty {
            queries.append(OutboxQueries.relaxDurability)
            queries.append(OutboxQueries.delete(shard: configuration.shard, positions: positions))
        }
        let isBacklogDue = loop.now >= nextBacklog
        if isBacklogDue {
            queries.append(OutboxQueries.backlog(shard: configuration.shard, limit: Self.backlogLimit))
        }
        queries.append(
            OutboxQueries.select(
                shard: configuration.shard,
                OutboxQueries.Reading(
                    rows: configuration.batchRows, bytes: configuration.batchBytes,
                    rowsPerKey: configuration.rowsPerKey),
                without: schedule.heldKeys(now: loop.now), resting: schedule.restingKeys))
        let results = try await session.batch(queries)
        if isBacklogDue {
            nextBacklog = loop.now + Self.backlogInterval
            let (age, rows) = try results[results.count - 2].first(as: Int64.self, Int64.self)
            metrics.oldest.set(Double(age) / 1_000)
            metrics.pending.set(Double(rows))
        }
        return try OutboxQueries.decode(results[results.count - 1])
    }

    /// Waits for a poke, at most as long as the schedule says.
    private func idle() async {
        seen = await outbox.wake.wait(after: seen, atMost: schedule.wait(now: loop.now), on: loop)
    }

    /// Waits as long as the schedule says, poked or not; keeps the session from looking silent.
    private func pause() async {
        do {
            try await loop.sleep(for: schedule.wait(now: loop.now))
        } catch {
            // Cancelled: the caller looks at that itself.
        }
    }

    private func report(_ verdict: RelaySchedule.Verdict, _ rows: [OutboxQueries.Row], _ outcomes: [PublishOutcome?]) {
        gone += verdict.confirmed.count
        metrics.published.increment(by: verdict.confirmed.count)
        metrics.failed.increment(by: verdict.failed)
        metrics.unroutable.increment(by: verdict.unroutable.count)
        metrics.heldKeys.set(Double(schedule.heldKeyCount))
        if case .failed(let reason) = outcomes.first(where: { if case .failed = $0 { true } else { false } }) ?? nil {
            logger.warning(
                "the broker did not confirm events", [.count: .int(verdict.failed), .reason: .string(reason)])
        }
        for index in verdict.unroutable.prefix(Self.loggedUnroutable) {
            let event = rows[index].event
            logger.error(
                "no queue is bound for an event", [.eventID: .string(event.id), .eventType: .string(event.routingKey)])
        }
    }

    private static let loggedUnroutable = 5
}

/// What a relay counts.
struct RelayMetrics: Sendable {
    let published, failed, unroutable: Counter
    let oldest, pending, heldKeys, active: Gauge

    init(_ metrics: Metrics) {
        published = metrics.counter("florin_outbox_published_total", help: "Events confirmed by the broker.")
        failed = metrics.counter(
            "florin_outbox_failed_total", help: "Events that the broker did not confirm; they go out again.")
        unroutable = metrics.counter(
            "florin_outbox_unroutable_total", help: "Events returned because no queue is bound for them.")
        oldest = metrics.gauge("florin_outbox_oldest_seconds", help: "Age of the oldest event that is not published.")
        pending = metrics.gauge(
            "florin_outbox_pending_events", help: "Events that are not published, counted up to 100000.")
        heldKeys = metrics.gauge(
            "florin_outbox_held_keys", help: "Partition keys held back behind an unroutable event.")
        active = metrics.gauge("florin_outbox_relay_active", help: "1 where this process relays the outbox.")
    }
}
