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
        /// How long a stop waits for transactions under way to commit.
        package var grace: Duration = .seconds(5)
        /// How often to look for dead letters that are to be handled again.
        package var replayInterval: Duration = .seconds(1)

        /// The defaults.
        package init() {}
    }

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// What waits until an event is settled.
    enum Ticket: Sendable {
        case delivery(Delivery)
        case replay
    }

    let pool: PostgresPool
    let logger: Logger
    let configuration: Configuration
    let worker: InboxWorker
    /// Letters on their way through the lanes.
    var replaying = 0
    let replayed = WakeSignal()

    private let subscriber: any EventSubscriber
    private let subscription: Subscription
    private let sweeper: InboxSweeper
    private let wake = WakeSignal()
    private let room = WakeSignal()
    private var ledger: ConsumerLedger<PendingEvent, Ticket>
    private var random = SystemRandomNumberGenerator()
    private var underWay: [Int: Task<InboxWorker.Outcome, Never>] = [:]
    private var nextWork = 0
    private var isStopping = false

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
        self.subscriber = subscriber
        self.subscription = subscription
        self.pool = pool
        self.configuration = configuration
        let consumer = name ?? subscription.queue
        self.logger = logger.with([.component: "consumer", .consumer: .string(consumer)])
        worker = InboxWorker(
            consumer: consumer, pool: pool, handler: handler, transactionTimeout: configuration.transactionTimeout,
            logger: self.logger, metrics: ConsumerMetrics(metrics, consumer: consumer))
        sweeper = InboxSweeper(consumer: consumer, pool: pool, logger: self.logger)
        ledger = ConsumerLedger(
            limits: .init(concurrency: configuration.concurrency, batch: configuration.batch),
            policy: configuration.retry)
    }

    /// Consumes until the task is cancelled. What is then under way has the grace of the configuration to commit, after that
    /// it is rolled back; it is never half done.
    package func run() async {
        // Not cancelled with the rest: the subscription has to outlive what is under way, or nobody takes its acknowledgements.
        let feeding = Task(executorPreference: loop) { await self.feed() }
        var timer: LoopTimer?
        await withDiscardingTaskGroup { group in
            group.addTask(executorPreference: loop) { await self.sweeper.run() }
            group.addTask(executorPreference: loop) { await self.replayRequested() }
            var seen: UInt64 = 0
            while !Task.isCancelled {
                while let batch = ledger.start(now: loop.now) {
                    group.addTask(executorPreference: loop) { await self.perform(batch) }
                }
                let limit = ledger.nextWake.map { max(.milliseconds(1), $0 - loop.now) } ?? .seconds(60)
                seen = await wake.wait(after: seen, atMost: limit, on: loop)
            }
            isStopping = true
            group.cancelAll()
            timer = loop.schedule(after: configuration.grace) { self.assumeIsolated { $0.giveUp() } }
        }
        timer?.cancel()
        feeding.cancel()
        await feeding.value
        isStopping = false
    }

    private func giveUp() {
        for work in underWay.values { work.cancel() }
    }

    // MARK: Arrival

    private func feed() async {
        while !Task.isCancelled {
            for await delivery in subscriber.deliveries(from: subscription) {
                await makeRoom()
                if Task.isCancelled { return }
                // What comes now is left to the next consumer.
                if !isStopping { accept(delivery) }
            }
            guard !Task.isCancelled else { return }
            logger.warning("the subscription ended; subscribing again")
            do { try await loop.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// Deliveries that a lost connection has left behind count as well, until their events are settled.
    private func makeRoom() async {
        var seen: UInt64 = 0
        while ledger.unsettled >= subscription.prefetch * 2, !Task.isCancelled {
            seen = await room.wait(after: seen, atMost: .seconds(60), on: loop)
        }
    }

    private func accept(_ delivery: Delivery) {
        do {
            let events = try handled(delivery)
            guard !events.isEmpty else {
                worker.metrics.ignored.increment()
                return delivery.ack()
            }
            add(.delivery(delivery), events.map { PendingEvent(content: .event($0), id: EventIdentity(of: $0)) })
        } catch {
            add(
                .delivery(delivery), [PendingEvent(content: .message(delivery), id: EventIdentity(of: delivery))],
                parking: .init(reason: .undecodable, attempts: 0, error: error.description))
        }
    }

    /// The events of a message that the handler is for.
    func handled(_ delivery: Delivery) throws(CloudEventError) -> [CloudEvent] {
        let types = worker.handler.types
        return try delivery.events().filter { event in types.contains { $0.matches(event.type) } }
    }

    /// Puts events into their lanes.
    func add(
        _ ticket: Ticket, _ events: [PendingEvent], parking: LaneSchedule<PendingEvent>.Parking? = nil,
        isLastTry: Bool = false
    ) {
        ledger.accept(
            ticket,
            events.map { .init(item: $0, lane: $0.lane, parking: parking, isLastTry: isLastTry) })
        wake.raise()
    }

    // MARK: Work

    private func perform(_ batch: LaneSchedule<PendingEvent>.Batch) async {
        // A task of its own: a stop shall not cancel a transaction before its grace is over.
        let worker = worker
        let work = Task(executorPreference: loop) { await worker.perform(batch) }
        nextWork += 1
        let number = nextWork
        underWay[number] = work
        let outcome = await work.value
        underWay[number] = nil
        for ticket in ledger.finish(batch, outcome, now: loop.now, using: &random) { settle(ticket) }
        switch outcome {
        case .settled: room.raise()
        case .transient: worker.metrics.transient.increment()
        case .failed, .unprocessable: worker.metrics.failed.increment()
        case .behindParked, .released: break
        }
        wake.raise()
    }

    private func settle(_ ticket: Ticket) {
        switch ticket {
        case .delivery(let delivery):
            delivery.ack()
        case .replay:
            replaying -= 1
            if replaying == 0 { replayed.raise() }
        }
    }
}
