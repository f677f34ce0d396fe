import Chronology
import CloudEvents
import EventLoop
import Messaging
import MessagingTesting
import Observability
import Postgres
import ServersTesting
import Synchronization
import Testing

/// Generous: the machine may be slow and busy.
let patience: Duration = .seconds(60)

/// A database with the tables of messaging and one for effects, a broker in memory, and what runs against them.
struct MessagingBench: Sendable {
    let loop: EventLoop
    let pool: PostgresPool
    let broker: InMemoryBroker
    let outbox: Outbox
    let metrics = Metrics()

    static let effects = """
        CREATE TABLE effects (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id text NOT NULL, subject text NOT NULL,
            partition_key text NOT NULL, sequence bigint NOT NULL
        );
        """

    /// Runs `body` with a database of its own, on the shared server unless a URL is given.
    static func with(
        url: String? = nil, shards: Int = 1, _ body: (MessagingBench) async throws -> Void
    ) async throws {
        let address: String
        if let url { address = url } else { address = try await TestPostgres.shared().makeDatabase() }
        let loop = try EventLoop(name: "messaging-test")
        loop.start()
        do {
            var configuration = try PostgresPool.Configuration(url: address)
            configuration.callTimeout = .seconds(30)
            configuration.transactionTimeout = .seconds(60)
            configuration.unavailableTimeout = .seconds(20)
            configuration.maximumConnections = 12
            let pool = try PostgresPool(loop: loop, configuration: configuration)
            await pool.start()
            let bench = MessagingBench(
                loop: loop, pool: pool, broker: InMemoryBroker(), outbox: Outbox(shardCount: shards))
            try await pool.withConnection { session in
                try await session.script(MessagingTables.migration + effects)
            }
            do {
                try await body(bench)
            } catch {
                await pool.shutdown(grace: .zero)
                throw error
            }
            await pool.shutdown()
        } catch {
            await loop.shutdown()
            throw error
        }
        await loop.shutdown()
    }

    /// Runs a relay while `body` runs.
    func relaying(
        _ configuration: OutboxRelay.Configuration = .quick, publisher: (any EventPublisher)? = nil,
        logger: Logger = .silent, _ body: (OutboxRelay) async throws -> Void
    ) async throws {
        let relay = OutboxRelay(
            pool: pool, publisher: publisher ?? broker, outbox: outbox, configuration: configuration, logger: logger,
            metrics: metrics)
        try await running({ await relay.run() }) { try await body(relay) }
    }

    /// Runs a consumer while `body` runs.
    func consuming(
        _ subscription: Subscription, _ handler: any EventHandler,
        _ configure: (inout EventConsumer.Configuration) -> Void = { _ in },
        _ body: () async throws -> Void
    ) async throws {
        var configuration = EventConsumer.Configuration()
        configuration.retry = .quick
        configure(&configuration)
        let consumer = EventConsumer(
            subscriber: broker, subscription: subscription, pool: pool, handler: handler, configuration: configuration,
            metrics: metrics)
        try await running({ await consumer.run() }, body)
    }

    func running(_ work: @escaping @Sendable () async -> Void, _ body: () async throws -> Void) async throws {
        let task = Task { await work() }
        do {
            try await body()
        } catch {
            task.cancel()
            await task.value
            throw error
        }
        task.cancel()
        await task.value
    }

    func write(_ events: [OutboxEvent]) async throws {
        try await pool.query(outbox.insert(events))
        outbox.poke()
    }

    func publish(_ events: [OutboxEvent]) async {
        _ = await broker.publish(
            events.map {
                OutboundEvent(
                    id: $0.id.description, routingKey: $0.event.type, contentType: CloudEventJSONCodec.contentType,
                    body: CloudEventJSONCodec.encode($0.event))
            })
    }

    func count(_ table: String) async throws -> Int {
        try await pool.query("SELECT count(*) FROM \(identifier: table)").first(as: Int.self)
    }

    /// Sequences of the effects by subject, in the order in which they were made.
    func effects() async throws -> [String: [Int64]] {
        var bySubject: [String: [Int64]] = [:]
        for row in try await pool.query("SELECT subject, sequence FROM effects ORDER BY number") {
            let (subject, sequence) = try row.decode(String.self, Int64.self)
            bySubject[subject, default: []].append(sequence)
        }
        return bySubject
    }
}

extension OutboxRelay.Configuration {
    /// Takes over quickly, in small batches.
    static var quick: Self {
        var configuration = Self()
        configuration.standbyInterval = .milliseconds(100)
        configuration.batchRows = 50
        return configuration
    }
}

extension RetryPolicy {
    static let quick = RetryPolicy(
        handlerBounds: [.milliseconds(10), .milliseconds(20), .milliseconds(40)], transientBase: .milliseconds(5),
        transientLimit: .milliseconds(100))
}

extension Subscription {
    static let all = Subscription(queue: "test.all", bindings: ["#"], prefetch: 64)
}

/// Event number `sequence` of a subject; the subject is its partition key unless told otherwise.
func event(_ subject: String, _ sequence: Int64, key: String? = nil, type: String = "florin.test.happened.v1") throws
    -> OutboxEvent
{
    try OutboxEvent(
        type: type, source: "/florin/test", subject: subject, partitionKey: key ?? subject, sequence: sequence,
        time: SystemClock().now(), dataSchema: "urn:florin:event:test:happened:v1", data: Array(#"{"a":1}"#.utf8))
}

/// Writes one effect per event, unless told to fail.
final class RecordingHandler: EventHandler {
    let types: [TopicPattern]
    private let failure: @Sendable (CloudEvent, _ attempt: Int) -> (any Error)?
    private let attempts = Mutex<[String: Int]>([:])

    init(
        types: [TopicPattern] = ["#"],
        failing failure: @escaping @Sendable (CloudEvent, _ attempt: Int) -> (any Error)? = { _, _ in nil }
    ) {
        self.types = types
        self.failure = failure
    }

    /// How often an event was handed over.
    func attempts(_ id: String) -> Int { attempts.withLock { $0[id] ?? 0 } }

    func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        let attempt = attempts.withLock { attempts in
            attempts[event.id, default: 0] += 1
            return attempts[event.id] ?? 0
        }
        try await transaction.query(
            """
            INSERT INTO effects (event_id, subject, partition_key, sequence)
            VALUES (\(event.id), \(event.subject ?? ""), \(event.partitionKey ?? ""), \(event.sequence ?? 0))
            """)
        // After the effect: it must go with the failure.
        if let error = failure(event, attempt) { throw error }
    }
}

/// A failure of a handler's own making.
struct Refusal: Error, CustomStringConvertible {
    var description: String { "refused by the test" }
}
