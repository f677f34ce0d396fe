import Chronology
import CloudEvents
import Contracts
import EventLoop
import MailTransfer
import Messaging
import MessagingTesting
import Postgres
import ProcessorApplication
import ProcessorInfrastructure
import Secrets
import ServersTesting
import ServiceRuntime
import Testing

/// The event processor's schema, and a broker in memory.
struct MailFixture: Sendable {
    let pool: PostgresPool
    let broker = InMemoryBroker()

    static let sender = "florin@example.net"
    static let time = Timestamp(microsecondsSinceEpoch: 1_795_167_000_123_456)

    /// Starts everything but the consumer, runs `body`, ends everything, also on failure.
    ///
    /// - Parameter server: a database server of one's own, for a test that kills it.
    static func run(on server: TestPostgres? = nil, _ body: (MailFixture) async throws -> Void) async throws {
        let postgres = if let server { server } else { try await TestPostgres.shared() }
        let url = try #require(try await postgres.makeServiceDatabases()["events"])
        var configuration = try PostgresPool.Configuration(url: url)
        configuration.callTimeout = .seconds(30)
        configuration.transactionTimeout = .seconds(60)
        let loop = try EventLoop(name: "mail-test")
        loop.start()
        let pool = try PostgresPool(loop: loop, configuration: configuration)
        await pool.start()
        var failure: (any Error)?
        do {
            try await Migrations(ProcessorSchema.migrations).run(on: pool)
            try await body(MailFixture(pool: pool))
        } catch {
            failure = error
        }
        await pool.shutdown(grace: .zero)
        await loop.shutdown()
        if let failure { throw failure }
    }

    /// A record around a transport, as one process has it.
    func recorded(
        _ inner: any MailTransport, lease: Duration = patience, firstWait: Duration = .milliseconds(10)
    ) -> RecordedMailTransport {
        var configuration = RecordedMailTransport.Configuration(lease: lease)
        configuration.firstWait = firstWait
        configuration.longestWait = max(firstWait, .milliseconds(200))
        return RecordedMailTransport(inner, pool: pool, configuration: configuration)
    }

    /// Runs the consumer of mails, with a client of the server on that port, while `body` runs.
    ///
    /// - Parameter wrap: puts something around the handler.
    func mailing(
        to port: Int, wrap: (MailHandler) -> any EventHandler = { $0 }, _ body: () async throws -> Void
    ) async throws {
        var configuration = SMTPClient.Configuration(server: try SMTPServer(url: "smtp://127.0.0.1:\(port)"))
        configuration.timeout = patience
        let client = SMTPClient(configuration)
        let handler = MailHandler(
            transport: recorded(SMTPMailTransport(client: client, sender: Self.sender)),
            sealKey: try SealedBox.PrivateKey(), publicURL: "https://florin.example.net")
        let consumer = EventConsumer(
            subscriber: broker, subscription: EventQueues.mail, pool: pool, handler: wrap(handler))
        let task = Task { await consumer.run() }
        var failure: (any Error)?
        do { try await body() } catch { failure = error }
        task.cancel()
        await task.value
        client.shutdown()
        if let failure { throw failure }
    }

    func publish(_ events: [OutboxEvent]) async {
        broker.declare(EventQueues.mail)
        let outcomes = await broker.publish(events.map(OutboundEvent.init))
        #expect(outcomes.allSatisfy { $0 == .confirmed })
    }

    func count(_ table: String) async throws -> Int {
        try await pool.query("SELECT count(*) FROM \(identifier: table)").first(as: Int.self)
    }

    /// The states in the record, sorted.
    func states() async throws -> [String] {
        try await pool.query("SELECT state FROM mail_deliveries ORDER BY state").map {
            try $0.decode(String.self, at: 0)
        }
    }

    // MARK: Events

    static func registered(_ user: UUIDv7, email: String) throws -> OutboxEvent {
        try OutboxEvent(
            UserRegisteredV1(
                userID: user.description, email: email, displayName: "Ada", baseCurrency: "EUR", locale: "en",
                registeredAt: time.description), service: "auth", subject: user, user: user, sequence: 1, time: time)
    }

    static func exceeded(_ user: UUIDv7) throws -> OutboxEvent {
        let budget = UUIDv7.make()
        return try OutboxEvent(
            BudgetExceededV1(
                userID: user.description, budgetID: budget.description, budgetName: "Groceries",
                periodStart: "2026-11-01", periodEnd: "2026-11-30", threshold: 80, crossing: 1,
                spent: EventMoney(amount: "166.50", currency: "EUR"),
                limit: EventMoney(amount: "200.00", currency: "EUR"), percent: "83.25", occurredAt: time.description),
            service: "expense", subject: budget, user: user, sequence: 1, time: time)
    }

    /// A user with that address, and a budget of theirs that is exceeded: two events, the second asks for a mail.
    static func userWithMail(_ email: String) throws -> [OutboxEvent] {
        let user = UUIDv7.make()
        return [try registered(user, email: email), try exceeded(user)]
    }
}

extension OutboundEvent {
    /// The message that the relay makes of an event.
    init(_ event: OutboxEvent) {
        self.init(
            id: event.id.description, routingKey: event.event.type, contentType: CloudEventJSONCodec.contentType,
            body: CloudEventJSONCodec.encode(event.event))
    }
}
