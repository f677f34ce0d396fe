import Chronology
import Contracts
import EventLoop
import Foundation
import Messaging
import MessagingAMQP
import Observability
import Postgres
import ProcessorApplication
import ProcessorInfrastructure
import Secrets
import ServersTesting
import ServiceRuntime
import Testing

/// Generous: the machine may be slow and busy.
let patience: Duration = .seconds(90)

/// The event processor's parts on a schema, a virtual host and a mail folder of their own, and a service that publishes to
/// them through its outbox.
struct ProcessorFixture: Sendable {
    let loop: EventLoop
    /// The event processor's schema.
    let pool: PostgresPool
    /// The schema of the service that publishes.
    let sending: PostgresPool
    let outbox: Outbox
    let brokerURL: String
    let broker: AMQPEventBroker
    let databases: [String: String]
    let mailFolder: URL
    let files: OffloadPool
    let sealKey: SealedBox.PrivateKey
    let metrics = Metrics()

    static let sender = "florin@example.net"
    static let publicURL = "https://florin.example.net"

    /// Starts everything but the consumers, runs `body`, ends everything, also on failure.
    static func run(_ body: (ProcessorFixture) async throws -> Void) async throws {
        let databases = try await TestPostgres.shared().makeServiceDatabases()
        let brokerURL = try await TestRabbitMQ.shared().makeVirtualHost()
        let folder = FileManager.default.temporaryDirectory.appending(path: "florin-mail-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let loop = try EventLoop(name: "processor-test")
        loop.start()
        let fixture = ProcessorFixture(
            loop: loop, pool: try await start(databases["events"], loop),
            sending: try await start(databases["expense"], loop), outbox: Outbox(), brokerURL: brokerURL,
            broker: try AMQPEventBroker(url: brokerURL, name: "processor-test", queues: EventQueues.all),
            databases: databases, mailFolder: folder, files: OffloadPool(name: "mail", threads: 1, queueLimit: 64),
            sealKey: try SealedBox.PrivateKey())
        var failure: (any Error)?
        do {
            try await fixture.prepare()
            try await body(fixture)
        } catch {
            failure = error
        }
        await fixture.broker.shutdown()
        await fixture.pool.shutdown(grace: .zero)
        await fixture.sending.shutdown(grace: .zero)
        fixture.files.shutdown()
        await loop.shutdown()
        try FileManager.default.removeItem(at: folder)
        if let failure { throw failure }
    }

    private static func start(_ url: String?, _ loop: EventLoop) async throws -> PostgresPool {
        var configuration = try PostgresPool.Configuration(url: try #require(url))
        // Tests run side by side and share the server's connections.
        configuration.maximumConnections = 6
        configuration.callTimeout = .seconds(30)
        configuration.transactionTimeout = .seconds(60)
        configuration.unavailableTimeout = .seconds(20)
        let pool = try PostgresPool(loop: loop, configuration: configuration)
        await pool.start()
        return pool
    }

    private func prepare() async throws {
        try await Migrations(ProcessorSchema.migrations).run(on: pool)
        try await Migrations([Migration(number: 1, name: "outbox", sql: Outbox.migration)]).run(on: sending)
        try broker.start()
        try await broker.waitUntilReady(timeout: patience)
    }

    // MARK: Consumers

    var transport: FolderMailTransport {
        FolderMailTransport(folder: mailFolder.path, sender: Self.sender, pool: files)
    }

    func auditing(_ subscriber: (any EventSubscriber)? = nil, _ body: () async throws -> Void) async throws {
        try await consuming(EventQueues.audit, AuditHandler(), subscriber, body)
    }

    func mailing(
        _ subscriber: (any EventSubscriber)? = nil, through transport: (any MailTransport)? = nil,
        _ body: () async throws -> Void
    ) async throws {
        let handler = MailHandler(
            transport: transport ?? self.transport, sealKey: sealKey, publicURL: Self.publicURL)
        try await consuming(EventQueues.mail, handler, subscriber, body)
    }

    private func consuming(
        _ subscription: Subscription, _ handler: any EventHandler, _ subscriber: (any EventSubscriber)?,
        _ body: () async throws -> Void
    ) async throws {
        let consumer = EventConsumer(
            subscriber: subscriber ?? broker, subscription: subscription, pool: pool, handler: handler,
            metrics: metrics)
        try await running({ await consumer.run() }, body)
    }

    /// Relays the outbox while `body` runs.
    func relaying(_ body: () async throws -> Void) async throws {
        let relay = OutboxRelay(pool: sending, publisher: broker, outbox: outbox)
        try await running({ await relay.run() }, body)
    }

    private func running(_ work: @escaping @Sendable () async -> Void, _ body: () async throws -> Void) async throws {
        let task = Task { await work() }
        var failure: (any Error)?
        do { try await body() } catch { failure = error }
        task.cancel()
        await task.value
        if let failure { throw failure }
    }

    // MARK: Publishing

    /// Writes events into the outbox, as a service does with its own change.
    func write(_ events: [OutboxEvent]) async throws {
        try await sending.query(outbox.insert(events))
        outbox.poke()
    }

    /// Publishes messages without an outbox: once each, or as often as a test wants.
    func publish(_ messages: [OutboundEvent]) async throws {
        let outcomes = await broker.publish(messages)
        #expect(outcomes.allSatisfy { $0 == .confirmed })
    }

    // MARK: Observing

    func count(_ table: String) async throws -> Int {
        try await pool.query("SELECT count(*) FROM \(identifier: table)").first(as: Int.self)
    }

    func counter(_ consumer: String, _ outcome: String) -> Int {
        Int(
            metrics.counters("florin_inbox_events_total", help: "", labels: ["consumer", "outcome"])
                .with(consumer, outcome).value)
    }

    /// The names of the mails in the folder, sorted; nothing half written is among them.
    func mails() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: mailFolder.path).filter { $0.hasSuffix(".eml") }.sorted()
    }

    func mail(_ event: UUIDv7) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: mailFolder.appending(path: "\(event).eml")))
    }
}

extension ProcessorFixture {
    /// A key whose secret nobody has.
    static func foreignKey() throws -> SealedBox.PublicKey { try SealedBox.PrivateKey().publicKey }
}
