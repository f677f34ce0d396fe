package import EventLoop
package import Observability
package import Postgres
internal import Chronology
internal import CloudEvents

/// Takes events from a queue and has each handled once: inbox row and effect in one transaction, acknowledged after its
/// commit. Order holds per partition key; keys run side by side.
package actor EventConsumer {
    /// Bounds of a consumer.
    package struct Configuration: Sendable, Hashable {
        /// Transactions under way at a time, each on a connection of the pool.
        package var concurrency = 4
        /// The most events in one transaction, where they queue up. 1 gives each event its own: right for a handler that
        /// locks rows which several partition keys share.
        package var batch = 16
        /// How long to wait between tries.
        package var retry = RetryPolicy.standard
        /// The bound of a transaction.
        package var transactionTimeout: Duration = .seconds(30)

        /// The defaults.
        package init() {}
    }

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    private let name: String
    private let subscriber: any EventSubscriber
    private let subscription: Subscription
    private let pool: PostgresPool
    private let handler: any EventHandler
    private let configuration: Configuration
    private let logger: Logger
    private let metrics: ConsumerMetrics
    private let wake = WakeSignal()
    private let room = WakeSignal()
    private var lanes: LaneSchedule<PendingEvent>
    private var random = SystemRandomNumberGenerator()
    /// The deliveries that wait for an event to be settled; an event is worked on once, however often it came.
    private var waiting: [EventIdentity: [DeliveryShare]] = [:]
    private var unsettled = 0

    /// Makes a consumer on the pool's event loop.
    ///
    /// - Parameter name: what the inbox calls this consumer; the queue's name when nil. Never change it: repeats of old
    ///   events would be handled again.
    package init(
        name: String? = nil, subscriber: any EventSubscriber, subscription: Subscription, pool: PostgresPool,
        handler: any EventHandler, configuration: Configuration = .init(), logger: Logger = .silent,
        metrics: Metrics = Metrics()
    ) {
        loop = pool.loop
        self.name = name ?? subscription.queue
        self.subscriber = subscriber
        self.subscription = subscription
        self.pool = pool
        self.handler = handler
        self.configuration = configuration
        self.logger = logger.with([.component: "consumer", .consumer: .string(name ?? subscription.queue)])
        self.metrics = ConsumerMetrics(metrics, consumer: name ?? subscription.queue)
        lanes = LaneSchedule(
            limits: .init(concurrency: configuration.concurrency, batch: configuration.batch),
            policy: configuration.retry)
    }

    /// Consumes until the task is cancelled. What is then under way is rolled back or committed, never half done.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask(executorPreference: loop) { await self.feed() }
            group.addTask(executorPreference: loop) { await self.sweep() }
            var seen: UInt64 = 0
            while !Task.isCancelled {
                while let batch = lanes.start(now: loop.now) {
                    group.addTask(executorPreference: loop) { await self.perform(batch) }
                }
                let limit = lanes.nextWake.map { max(.milliseconds(1), $0 - loop.now) } ?? .seconds(60)
                seen = await wake.wait(after: seen, atMost: limit, on: loop)
            }
            group.cancelAll()
        }
    }

    // MARK: Arrival

    private func feed() async {
        while !Task.isCancelled {
            for await delivery in subscriber.deliveries(from: subscription) {
                await makeRoom()
                if Task.isCancelled { return }
                accept(delivery)
            }
            guard !Task.isCancelled else { return }
            logger.warning("the subscription ended; subscribing again")
            do { try await loop.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// Deliveries that a lost connection has left behind count as well, until their events are settled.
    private func makeRoom() async {
        var seen: UInt64 = 0
        while unsettled >= subscription.prefetch * 2, !Task.isCancelled {
            seen = await room.wait(after: seen, atMost: .seconds(60), on: loop)
        }
    }

    private func accept(_ delivery: Delivery) {
        do {
            let events = try delivery.events().filter { event in handler.types.contains { $0.matches(event.type) } }
            guard !events.isEmpty else {
                metrics.ignored.increment()
                return delivery.ack()
            }
            let share = DeliveryShare(delivery, events: events.count)
            for event in events {
                let pending = PendingEvent(content: .event(event), identity: EventIdentity(of: event))
                add(pending, share, lane: event.partitionKey ?? event.subject ?? event.id)
            }
        } catch {
            let pending = PendingEvent(content: .message(delivery), identity: EventIdentity(of: delivery))
            // No event has a key with a NUL, so this lane is the message's own.
            add(
                pending, DeliveryShare(delivery, events: 1), lane: "\0\(pending.identity)",
                parking: .init(reason: .undecodable, attempts: 0, error: error.description))
        }
        wake.raise()
    }

    private func add(
        _ event: PendingEvent, _ share: DeliveryShare, lane: String, parking: LaneSchedule<PendingEvent>.Parking? = nil
    ) {
        unsettled += 1
        guard waiting[event.identity] == nil else {
            waiting[event.identity]?.append(share)
            return
        }
        waiting[event.identity] = [share]
        lanes.enqueue(event, lane: lane, parking: parking)
    }

    // MARK: Work

    private func perform(_ batch: LaneSchedule<PendingEvent>.Batch) async {
        let outcome: LaneSchedule<PendingEvent>.Outcome =
            switch batch.job {
            case .handle: await handle(batch.items)
            case .park(let parking): await park(batch.items, parking)
            }
        lanes.finish(batch, outcome, now: loop.now, using: &random)
        switch outcome {
        case .settled: for item in batch.items { settle(item) }
        case .transient: metrics.transient.increment()
        case .failed, .unprocessable: metrics.failed.increment()
        case .behindParked: break
        }
        wake.raise()
    }

    private func settle(_ event: PendingEvent) {
        let shares = waiting.removeValue(forKey: event.identity) ?? []
        unsettled -= shares.count
        for share in shares { share.settle() }
        room.raise()
    }

    private func handle(_ items: [PendingEvent]) async -> LaneSchedule<PendingEvent>.Outcome {
        do {
            let claims = try await pool.withTransaction(timeout: configuration.transactionTimeout) { transaction in
                try await apply(items, in: transaction)
            }
            for claim in claims { (claim == .taken ? metrics.applied : metrics.duplicates).increment() }
            return .settled
        } catch {
            return judge(error, items)
        }
    }

    private func apply(_ items: [PendingEvent], in transaction: PostgresTransaction) async throws -> [Inbox.Claim] {
        let events = items.compactMap(\.event)
        let answers = try await transaction.batch(
            zip(events, items).map { Inbox.claim($0, identity: $1.identity, consumer: name) })
        let claims = try answers.map { try Inbox.decodeClaim($0) }
        if claims.contains(.behindParked) { throw BehindParked() }
        let taken = zip(events, claims).compactMap { event, claim in claim == .taken ? event : nil }
        if !taken.isEmpty { try await handler.handle(taken, in: transaction) }
        return claims
    }

    private func judge(_ error: any Error, _ items: [PendingEvent]) -> LaneSchedule<PendingEvent>.Outcome {
        if error is BehindParked { return .behindParked }
        if Task.isCancelled || error is CancellationError || isTransient(error) {
            logger.debug("events wait for a transient failure to pass", [.error: .error(error)])
            return .transient
        }
        if items.count == 1 {
            logger.warning(
                "an event could not be handled",
                [
                    .eventID: .string(items[0].event?.id ?? ""), .eventType: .string(items[0].event?.type ?? ""),
                    .error: .error(error),
                ])
        }
        if let failure = error as? HandlerFailure, failure.kind == .unprocessable {
            return .unprocessable(error: failure.reason)
        }
        return .failed(error: String(describing: error))
    }

    private func isTransient(_ error: any Error) -> Bool {
        switch error {
        case let error as PostgresError: error.isRetriable || error.code == .poolClosed || error.code == .cancelled
        case let error as HandlerFailure: error.kind == .transient
        default: false
        }
    }

    private func park(_ items: [PendingEvent], _ parking: LaneSchedule<PendingEvent>.Parking) async
        -> LaneSchedule<PendingEvent>.Outcome
    {
        do {
            for item in items { try await pool.query(item.parkingQuery(parking, consumer: name)) }
        } catch {
            // Whatever the reason, an event that cannot be put aside is kept: it blocks its own lane alone.
            let isQuiet = Task.isCancelled || isTransient(error)
            logger.log(isQuiet ? .debug : .error, "an event could not be parked", [.error: .error(error)])
            return .transient
        }
        metrics.parked(parking.reason).increment(by: items.count)
        for item in items {
            logger.error(
                "an event is parked",
                [
                    .eventID: .string(item.identity.description), .eventType: .string(item.type),
                    .reason: .string(parking.reason.rawValue), .attempt: .int(parking.attempts),
                    .error: .string(parking.error),
                ])
        }
        return .settled
    }

    // MARK: Retention

    private static let sweepInterval: Duration = .seconds(3_600)
    private static let sweepRows = 5_000

    /// Forgets handled events that are older than any repeat, a few thousand at a time.
    private func sweep() async {
        while !Task.isCancelled {
            do {
                try await loop.sleep(for: Self.sweepInterval * Double.random(in: 0.5...1.5, using: &random))
                let before = SystemClock().now() - Inbox.retention
                var swept = Self.sweepRows
                while swept == Self.sweepRows {
                    let query = Inbox.sweep(consumer: name, before: before, limit: Self.sweepRows)
                    swept = try await pool.query(query).affectedRows
                }
            } catch {
                if !Task.isCancelled { logger.warning("the inbox could not be swept", [.error: .error(error)]) }
            }
        }
    }
}

/// Thrown to roll back: an event has to follow its aggregate into the dead letters.
private struct BehindParked: Error {}
