import CloudEvents
import Messaging
import MessagingAMQP
import MessagingTesting
import Observability
import Postgres
import ServersTesting
import Synchronization
import Testing
import TestKit

/// The promises of the ports, and the way from commit to effect, on a real RabbitMQ.
@Suite(.serialized)
struct RabbitMQTests {
    @Test(arguments: BrokerConformance.Check.allCases)
    func conformance(check: BrokerConformance.Check) async throws {
        let server = try await TestRabbitMQ.shared()
        let suite = BrokerConformance {
            let url = try await server.makeVirtualHost()
            let virtualHost = String(url[url.index(after: try #require(url.lastIndex(of: "/")))...])
            let broker = try AMQPEventBroker(url: url, name: "conformance")
            try broker.start()
            try await broker.waitUntilReady(timeout: patience)
            return BrokerUnderTest(
                publisher: broker, subscriber: broker,
                interrupt: { try await server.ctl("close_all_connections", "--vhost", virtualHost, "test") },
                close: { await broker.shutdown() }
            )
        }
        try await suite.run(check)
    }

    @Test func fromCommitToEffectWhileTheBrokerIsKilled() async throws {
        let server = try await TestRabbitMQ.start()
        try await MessagingBench.with { bench in
            let broker = try AMQPEventBroker(
                url: try await server.makeVirtualHost(), name: "delivery", queues: [Subscription.all])
            try broker.start()
            let relay = OutboxRelay(
                pool: bench.pool, publisher: broker, outbox: bench.outbox, configuration: .quick, metrics: bench.metrics
            )
            let consumer = EventConsumer(
                subscriber: broker, subscription: .all, pool: bench.pool, handler: RecordingHandler(),
                metrics: bench.metrics)
            try await bench.running({ await relay.run() }) {
                try await bench.running({ await consumer.run() }) {
                    // RabbitMQ 3.10: a quorum queue of a single node that is killed within about 0.7 s of its declaration
                    // comes back without a leader. So the broker has to live for a while first.
                    try await writeRound(1...10, to: bench)
                    try await eventually("events flow") { try await bench.count("effects") == 100 }
                    let oldEnough = ContinuousClock.now + .seconds(3)
                    try await eventually("the queue is old enough") { ContinuousClock.now > oldEnough }
                    try await writeRound(11...20, to: bench)
                    try await server.kill()
                    try await writeRound(21...40, to: bench)
                    try await server.restart()
                    try await writeRound(41...60, to: bench)
                    try await eventually("the outbox empties") { try await bench.count("outbox") == 0 }
                    try await eventually("every event has its effect") {
                        try await bench.count("effects") == 600
                    }
                }
            }
            await broker.shutdown()
            let effects = try await bench.effects()
            #expect(effects.count == 10)
            for (key, sequences) in effects { #expect(sequences == Array(1...60), "\(key)") }
            #expect(try await bench.count("dead_letters") == 0)
        }
        try await server.stop()
    }

    private func writeRound(_ sequences: ClosedRange<Int64>, to bench: MessagingBench) async throws {
        for sequence in sequences { try await bench.write(try (0..<10).map { try event("k\($0)", sequence) }) }
    }

    @Test func anUnroutableEventStaysInTheOutbox() async throws {
        let server = try await TestRabbitMQ.shared()
        try await MessagingBench.with { bench in
            let broker = try AMQPEventBroker(url: try await server.makeVirtualHost(), name: "unroutable")
            try broker.start()
            let log = Mutex("")
            let logger = Logger(service: "test") { line in log.withLock { $0 += String(decoding: line, as: UTF8.self) }
            }
            try await bench.relaying(.quick, publisher: broker, logger: logger) { _ in
                let event = try event("a", 1)
                try await bench.write([event])
                try await eventually("the alarm is raised") {
                    bench.metrics.counter("florin_outbox_unroutable_total", help: "").value > 0
                }
                try await eventually("the log names the event") {
                    log.withLock { log in
                        log.split(separator: "\n").contains {
                            $0.contains(#""level":"error""#) && $0.contains("no queue is bound for an event")
                                && $0.contains("\(event.id)") && $0.contains(event.event.type)
                        }
                    }
                }
                #expect(try await bench.count("outbox") == 1)
                try await bench.running({ for await delivery in broker.deliveries(from: .all) { delivery.ack() } }) {
                    try await eventually("it goes out once a queue is bound") {
                        try await bench.count("outbox") == 0
                    }
                }
            }
            await broker.shutdown()
        }
    }
}
