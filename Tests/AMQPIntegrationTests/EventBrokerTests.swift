import AMQP
import CloudEvents
import Messaging
import MessagingAMQP
import MessagingTesting
import Observability
import ServersTesting
import Synchronization
import Testing
import TestKit

/// The ports of Messaging over RabbitMQ.
@Suite(.serialized) struct EventBrokerTests {
    private func makeBroker() async throws -> BrokerUnderTest {
        let server = try await TestRabbitMQ.shared()
        let url = try await server.makeVirtualHost()
        let virtualHost = try AMQPEndpoint(url: url).virtualHost
        let broker = try AMQPEventBroker(url: url, name: "conformance")
        try broker.start()
        try await broker.waitUntilReady(timeout: patience)
        return BrokerUnderTest(
            publisher: broker, subscriber: broker,
            interrupt: {
                try await server.ctl("close_all_connections", "-q", "--vhost", virtualHost, "maintenance")
            },
            close: { await broker.shutdown() })
    }

    /// Routing has its own test below: the shared check takes the confirmation of a message for two queues as a sign
    /// that both are bound, while a broker confirms it with the first.
    @Test(arguments: BrokerConformance.Check.allCases.filter { $0 != .routesByPattern })
    func keepsThePromisesOfThePorts(check: BrokerConformance.Check) async throws {
        try await BrokerConformance(makeBroker: makeBroker).run(check)
    }

    @Test func routesByPattern() async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        let broker = try AMQPEventBroker(url: url, name: "routing")
        try broker.start()
        let received = ReceivedKeys()
        let consuming = [("star", "t.*.v1"), ("hash", "t.a.#")].map { queue, pattern in
            Task {
                let subscription = Subscription(queue: queue, bindings: [TopicPattern(pattern)])
                for await delivery in broker.deliveries(from: subscription) {
                    received.insert(delivery.routingKey, into: queue)
                    delivery.ack()
                }
            }
        }
        let publish = { (key: String) in
            await broker.publish([OutboundEvent(id: key, routingKey: key, contentType: "", body: [])])
        }
        // Each of these is for one queue only, so its confirmation says that this queue is bound.
        for key in ["t.z.v1", "t.a.b.c"] {
            try await eventually("\(key) is routed") { await publish(key) == [.confirmed] }
        }
        for key in ["t.a.v1", "t.b.v1", "t.a"] { #expect(await publish(key) == [.confirmed]) }
        guard case .unroutable? = await publish("t.b.c.d").first else {
            Issue.record("no pattern takes it")
            return
        }
        let expected: [String: Set<String>] = [
            "star": ["t.z.v1", "t.a.v1", "t.b.v1"], "hash": ["t.a.b.c", "t.a.v1", "t.a"],
        ]
        try await eventually("every event is in its queues") { received.all == expected }
        for task in consuming {
            task.cancel()
            await task.value
        }
        await broker.shutdown()
    }

    @Test func storesEventsForAConsumerThatHasNeverRun() async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        let subscription = Subscription(queue: "expense.user-lifecycle", bindings: ["florin.auth.user_registered.*"])
        let producer = try AMQPEventBroker(url: url, name: "producer", queues: [subscription])
        #expect(producer.unreadiness == "not connected to the broker yet")
        try producer.start()
        try await producer.waitUntilReady(timeout: patience)
        try await eventually("both connections are there") { producer.unreadiness == nil }
        let metrics = Metrics()
        producer.register(in: metrics)
        #expect(metrics.render().contains("florin_broker_publisher_connected 1\n"))
        #expect(metrics.render().contains("florin_broker_blocked 0\n"))
        let outcomes = await producer.publish([
            OutboundEvent(
                id: "e1", routingKey: "florin.auth.user_registered.v1",
                contentType: "application/cloudevents+json; charset=utf-8", body: Array("{}".utf8))
        ])
        #expect(outcomes == [.confirmed])
        await producer.shutdown()
        #expect(producer.unreadiness == "the connection to the broker is shut down")

        let consumer = try AMQPEventBroker(url: url, name: "consumer")
        try consumer.start()
        let delivery = try await withDeadline("the stored event") {
            for await delivery in consumer.deliveries(from: subscription) { return Optional(delivery) }
            return nil
        }
        #expect(delivery?.routingKey == "florin.auth.user_registered.v1")
        #expect(delivery?.contentType == "application/cloudevents+json; charset=utf-8")
        await consumer.shutdown()
    }

    @Test func keepsRejectedEventsAsDeadLetters() async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        let subscription = Subscription(queue: "processor.audit", bindings: ["florin.#"])
        let broker = try AMQPEventBroker(url: url, name: "broker", queues: [subscription])
        try broker.start()
        try await broker.waitUntilReady(timeout: patience)
        let event = OutboundEvent(id: "e1", routingKey: "florin.a.b.v1", contentType: "text/plain", body: [1, 2, 3])
        #expect(await broker.publish([event]) == [.confirmed])
        let rejecting = Task {
            for await delivery in broker.deliveries(from: subscription) { delivery.reject() }
        }
        try await withConnection(to: url) { connection in
            let name = "florin.events.dead-letters"
            let queue = AMQPQueue(name: name, arguments: ["x-queue-type": .string("quorum")])
            let dead = try await connection.consumer(.init(queue: queue)).take()
            #expect(dead.body == [1, 2, 3] && dead.routingKey == "florin.a.b.v1")
            #expect(dead.headers["x-death"] != nil)
        }
        rejecting.cancel()
        await rejecting.value
        await broker.shutdown()
    }

    @Test func handsAQueueToOneConsumerAtATime() async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        let subscription = Subscription(queue: "portfolio.performance", bindings: ["florin.#"], prefetch: 1)
        let brokers = try (0..<2).map { try AMQPEventBroker(url: url, name: "broker \($0)", queues: [subscription]) }
        for broker in brokers { try broker.start() }
        for broker in brokers { try await broker.waitUntilReady(timeout: patience) }
        let received = Mutex<[[UInt8]]>([])
        let first = Task {
            for await delivery in brokers[0].deliveries(from: subscription) {
                received.withLock { $0.append(delivery.body) }
                if delivery.body == Array("first".utf8) { delivery.ack() }
            }
        }
        let publish = { (id: String) in
            await brokers[0].publish([
                OutboundEvent(id: id, routingKey: "florin.a.b.v1", contentType: "", body: Array(id.utf8))
            ])
        }
        #expect(await publish("first") == [.confirmed])
        try await eventually("the first consumer is active") { received.withLock { $0.count == 1 } }
        let second = Task {
            for await delivery in brokers[1].deliveries(from: subscription) {
                delivery.ack()
                return delivery.body
            }
            return []
        }
        #expect(await publish("second") == [.confirmed])
        // The first one is active still, so this is its own, and given back when it goes.
        try await eventually("the first consumer keeps the queue") { received.withLock { $0.count == 2 } }
        await brokers[0].shutdown()
        await first.value
        #expect(try await withDeadline("the second takes over") { await second.value } == Array("second".utf8))
        await brokers[1].shutdown()
    }

    @Test func refusesAMalformedURL() {
        #expect(throws: AMQPError.self) { try AMQPEventBroker(url: "http://localhost", name: "x") }
    }
}

/// Routing keys by the queue they arrived in.
private final class ReceivedKeys: Sendable {
    private let keys = Mutex<[String: Set<String>]>([:])

    var all: [String: Set<String>] { keys.withLock { $0 } }

    func insert(_ key: String, into queue: String) { keys.withLock { _ = $0[queue, default: []].insert(key) } }
}
