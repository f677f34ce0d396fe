package import EventLoop
package import GRPC
package import HTTPServer
package import Messaging
package import MessagingAMQP
package import Observability
package import Postgres

/// Puts a process together: a program's `build` asks for what it needs, in the order in which it is to start, and serves.
///
/// What is asked for first starts first and stops last: database, broker, relay, consumers, then what serves. A database or broker that is away does not keep the process from
/// starting: it is not ready, says so at `/readyz`, and goes on by itself.
///
/// Used by one task alone, on the loop; what it hands out may be used from anywhere.
package final class ServiceHost {
    /// The program's name, as logs, connections and metrics have it.
    package let name: String
    /// The loop of the process.
    package let loop: EventLoop
    package let logger: Logger
    package let metrics: Metrics
    package let readiness: Readiness
    /// What is read again at SIGHUP.
    package let hangUp: HangUp
    /// Writes to standard output: the answers of subcommands.
    package let output: @Sendable (String) -> Void
    /// Answers the admin address; a program may add paths.
    package let admin: AdminHandler
    /// Listening sockets that were handed to the process; its servers use those for their addresses.
    package let inherited: InheritedSockets
    /// The address that the gRPC server got, once started; for tests that ask for port 0.
    package private(set) var grpcAddress: SocketAddress?
    /// The address that the HTTP server got, once started.
    package private(set) var httpAddress: SocketAddress?
    /// The address that the admin server got, once started.
    package private(set) var adminAddress: SocketAddress?

    let threadPools: ThreadPools
    private let settings: RuntimeSettings
    private var lifecycle: Lifecycle
    private var whenReady: [@Sendable (Bool) -> Void] = []
    private var doors: [@Sendable () -> Void] = []
    private var eventBatch: Int?
    private var grpcAddresses: [Published<SocketAddress>] = []
    private var httpAddresses: [Published<SocketAddress>] = []

    package init(
        name: String, version: String, settings: RuntimeSettings, loop: EventLoop, logger: Logger,
        metrics: Metrics = Metrics(), inherited: InheritedSockets = .none,
        output: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.name = name
        self.inherited = inherited
        self.output = output
        self.settings = settings
        self.loop = loop
        self.logger = logger
        self.metrics = metrics
        readiness = Readiness()
        hangUp = HangUp(logger: logger)
        threadPools = ThreadPools(metrics)
        admin = AdminHandler(readiness: readiness, metrics: metrics)
        lifecycle = Lifecycle(loop: loop, logger: logger)
        ProcessMetrics.register(in: metrics, name: name, version: version)
    }

    /// Adds a part of the program's own.
    package func add(_ component: Component) { lifecycle.add(component) }

    /// Adds a task of the program's own; it is cancelled and awaited at the stop.
    ///
    /// - Parameter run: returns when its task is cancelled.
    package func run(_ name: String, _ run: @escaping @Sendable () async -> Void) {
        lifecycle.add(.task(name, on: loop, logger: logger, run: run))
    }

    /// A pool of connections to the program's database, and the gate that opens when its schema is what the program
    /// expects.
    ///
    /// - Parameter migrations: the program's; readiness waits until the database has exactly these.
    package func database(_ settings: DatabaseSettings, migrations: [Migration]) throws -> PostgresPool {
        guard var configuration = settings.pool else { throw ConfigurationFailure(faults: ["FLORIN_DATABASE_URL"]) }
        configuration.applicationName = name
        let pool = try PostgresPool(loop: loop, configuration: configuration, logger: logger)
        let schema = SchemaWatch(pool: pool, migrations: try Migrations(migrations), logger: logger)
        readiness.add("database") { await pool.state.missing }
        readiness.add("schema") { schema.missing }
        registerMetrics(of: pool)
        lifecycle.add(
            Component("database", start: { await pool.start() }, stop: { grace in await pool.shutdown(grace: grace) }))
        lifecycle.add(.task("schema", on: loop, logger: logger, run: schema.run))
        return pool
    }

    /// The broker, to publish to and to consume from; its connections come back by themselves.
    ///
    /// A blocked broker does not make the process unready: what it publishes waits in the outbox.
    ///
    /// - Parameter isRequired: false where the process can do without.
    package func broker(_ settings: BrokerSettings, isRequired: Bool = true) throws -> AMQPEventBroker {
        eventBatch = settings.eventBatch
        let broker = try AMQPEventBroker(
            url: settings.url, name: name, queues: EventQueues.all, format: settings.format, logger: logger)
        readiness.add("broker", isRequired: { isRequired }) { broker.unreadiness }
        broker.register(in: metrics)
        lifecycle.add(
            Component(
                "broker", start: { try broker.start() }, stop: { grace in await broker.shutdown(within: grace) }))
        return broker
    }

    /// Relays an outbox to a publisher.
    package func relay(_ outbox: Outbox, from pool: PostgresPool, to publisher: any EventPublisher) {
        for shard in 0..<outbox.shardCount {
            var configuration = OutboxRelay.Configuration()
            configuration.shard = shard
            let relay = OutboxRelay(
                pool: pool, publisher: publisher, outbox: outbox, configuration: configuration, logger: logger,
                metrics: metrics)
            run("outbox-relay-\(shard)") { await relay.run() }
        }
    }

    /// Has events handled, each once.
    ///
    /// How many of them share a transaction is set with the broker, but for a handler that wants one for each.
    package func consume(
        _ subscription: Subscription, of subscriber: any EventSubscriber, in pool: PostgresPool,
        handler: any EventHandler, configuration: EventConsumer.Configuration = .init()
    ) {
        var configuration = configuration
        if let eventBatch, configuration.batch > 1 { configuration.batch = eventBatch }
        let consumer = EventConsumer(
            subscriber: subscriber, subscription: subscription, pool: pool, handler: handler,
            configuration: configuration, logger: logger, metrics: metrics)
        run("consumer \(subscription.queue)") { await consumer.run() }
    }

    /// A client of another service, closed at the stop.
    ///
    /// - Parameters:
    ///   - service: what readiness calls it; nil when the process is ready without it.
    ///   - configuration: how the channel connects and what it allows.
    package func channel(
        to targets: [SocketAddress], service: String?, configuration: GRPCChannel.Configuration = .init()
    ) -> GRPCChannel {
        let channel = GRPCChannel(loop: loop, targets: targets, configuration: configuration)
        if let service { readiness.add(service) { channel.state == .ready ? nil : "no connection" } }
        lifecycle.add(
            Component(
                "channel", start: {}, stop: { _ in await channel.shutdown() }))
        return channel
    }

    /// Serves gRPC; the health service says `SERVING` while the process is ready. Who connects before it is ready for the
    /// first time waits, for at most `ReadinessWatch.patience`.
    ///
    /// - Parameter maximumMessageBytes: of a request; larger ones are refused with RESOURCE_EXHAUSTED.
    package func serve(_ services: [any GRPCService], settings: GRPCSettings, maximumMessageBytes: Int = 4 << 20) {
        var configuration = GRPCServer.Configuration(address: settings.address)
        configuration.inherited = inherited
        configuration.maximumMessageBytes = maximumMessageBytes
        configuration.maximumHeldBytes = max(configuration.maximumHeldBytes, 2 * maximumMessageBytes)
        let calls = metrics.histograms(
            "florin_grpc_server_seconds", help: "Time of gRPC calls served.", labels: ["method", "code"])
        configuration.onCallFinished = { method, code, duration in
            calls.with(method?.path ?? "unknown", "\(code)").observe(duration)
        }
        let server = GRPCServer(loop: loop, configuration: configuration, services: services, logger: logger)
        whenReady.append { server.health.set($0 ? .serving : .notServing) }
        doors.append { server.open() }
        let address = Published<SocketAddress>()
        grpcAddresses.append(address)
        lifecycle.add(
            Component(
                "grpc", start: { address.set(try await server.start(isOpen: false)) },
                stop: { grace in await server.shutdown(grace: grace) }))
    }

    /// Serves HTTP beside the admin address; the server is the program's own, with its limits and its handler. Who connects
    /// before the process is ready for the first time waits, for at most `ReadinessWatch.patience`.
    ///
    /// - Parameter notice: how long the server goes on taking connections at the stop, see `HTTPServer.drain`.
    package func serve(_ server: HTTPServer, notice: Duration = .zero) {
        doors.append { server.open() }
        let address = Published<SocketAddress>()
        httpAddresses.append(address)
        lifecycle.add(
            Component(
                "http", start: { address.set(try await server.start(isOpen: false)) },
                stop: { grace in await server.drain(notice: notice, deadline: grace) }))
    }

    // MARK: Life

    /// Starts everything: the admin address first, then what was asked for in its order.
    package func start() async throws {
        var all = Lifecycle(loop: loop, logger: logger)
        var configuration = HTTPServer.Configuration(address: settings.adminAddress)
        configuration.inherited = inherited
        let server = HTTPServer(loop: loop, configuration: configuration, handler: admin.answer)
        let address = Published<SocketAddress>()
        all.add(
            Component(
                "admin", start: { address.set(try await server.start()) },
                stop: { grace in await server.drain(deadline: grace) }))
        all.adopt(lifecycle)
        all.add(.task("readiness", on: loop, logger: logger, run: readinessWatch().run))
        lifecycle = all
        try await lifecycle.start()
        let unclaimed = inherited.unclaimed
        guard unclaimed.isEmpty else {
            throw ConfigurationFailure(
                faults: unclaimed.map { "a socket that listens at \($0) was handed over, and nothing is served there" })
        }
        adminAddress = address.value
        grpcAddress = grpcAddresses.first?.value
        httpAddress = httpAddresses.first?.value
        logger.info("started", [.address: .string(adminAddress?.description ?? "")])
    }

    /// Starts what was asked for and nothing else: for commands that do one thing and end.
    package func startComponents() async throws { try await lifecycle.start() }

    /// Stops everything in the opposite order, within the configured bound.
    package func stop() async {
        readiness.beginDraining()
        for tell in whenReady { tell(false) }
        await lifecycle.stop(grace: settings.drain)
    }

    private func readinessWatch() -> ReadinessWatch {
        ReadinessWatch(loop: loop, readiness: readiness, logger: logger, metrics: metrics, tell: whenReady, open: doors)
    }

    private func registerMetrics(of pool: PostgresPool) {
        let figures = metrics.gauges("florin_database_pool", help: "The connections of the pool.", labels: ["state"])
        run("pool-metrics") { [loop] in
            while !Task.isCancelled {
                let now = await pool.statistics
                figures.with("connections").set(Double(now.connections))
                figures.with("idle").set(Double(now.idle))
                figures.with("in_flight").set(Double(now.inFlight))
                figures.with("waiting").set(Double(now.waiting))
                do { try await loop.sleep(for: .seconds(5)) } catch { return }
            }
        }
    }
}

extension PostgresPool.State {
    /// Why there is no database, nil when there is.
    fileprivate var missing: String? {
        switch self {
        case .ready: nil
        case .starting: "connecting"
        case .unavailable(let reason): reason
        case .closed: "closed"
        }
    }
}
