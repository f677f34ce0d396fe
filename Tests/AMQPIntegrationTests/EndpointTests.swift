import AMQP
import Testing

/// Reading `amqp://` URLs.
@Suite struct EndpointTests {
    /// A URL and what it says: host, port, user, password, virtual host.
    static let readable: [(url: String, parts: [String])] = [
        ("amqp://localhost", ["localhost", "5672", "guest", "guest", "/"]),
        ("amqp://localhost/", ["localhost", "5672", "guest", "guest", "/"]),
        ("amqp://app:secret@127.0.0.1:15672/florin", ["127.0.0.1", "15672", "app", "secret", "florin"]),
        ("amqp://app@host/%2F", ["host", "5672", "app", "", "/"]),
        ("amqp://a%40b:p%3Aw%2f@host/v%20h", ["host", "5672", "a@b", "p:w/", "v h"]),
        ("amqp://u:p:q@[::1]:5673/v", ["::1", "5673", "u", "p:q", "v"]),
        ("amqp://[::1]", ["::1", "5672", "guest", "guest", "/"]),
    ]

    @Test(arguments: readable) func reads(url: String, parts: [String]) throws {
        let endpoint = try AMQPEndpoint(url: url)
        #expect(
            [endpoint.host, "\(endpoint.port)", endpoint.user, endpoint.password, endpoint.virtualHost] == parts)
    }

    @Test(arguments: [
        "", "localhost", "amqps://localhost", "http://localhost", "amqp://", "amqp://:5672", "amqp://host:0",
        "amqp://host:65536", "amqp://host:port", "amqp://host/a/b", "amqp://host/%zz", "amqp://host/%2",
        "amqp://host/%00",
        "amqp://host/%ff", "amqp://[::1", "amqp://[::1]x", "amqp://host/v?heartbeat=5",
    ])
    func refuses(url: String) {
        let error = #expect(throws: AMQPError.self) { try AMQPEndpoint(url: url) }
        #expect(error?.code == .invalidConfiguration && error?.isRetriable == false)
    }

    @Test func neverShowsThePassword() throws {
        let endpoint = try AMQPEndpoint(url: "amqp://app:hunter2@host:1/v")
        #expect("\(endpoint)" == "amqp://app@host:1/v")
        let error = #expect(throws: AMQPError.self) { try AMQPEndpoint(url: "amqp://app:hunter2@host:x/v") }
        #expect(error.map { "\($0)".contains("hunter2") } == false)
    }
}

/// Queue settings as RabbitMQ demands them.
@Suite struct TopologyTests {
    @Test func pairsAtLeastOnceDeadLetteringWithRejectPublish() {
        let queue = AMQPQueue.quorum(
            "q", deliveryLimit: 7, deadLettering: AMQPQueue.DeadLettering(exchange: "dlx", routingKey: "k"))
        #expect(queue.isDurable && !queue.isExclusive && !queue.isAutoDelete)
        #expect(
            queue.arguments == [
                "x-queue-type": .string("quorum"), "x-delivery-limit": .int(7),
                "x-dead-letter-exchange": .string("dlx"), "x-dead-letter-routing-key": .string("k"),
                "x-dead-letter-strategy": .string("at-least-once"), "x-overflow": .string("reject-publish"),
            ])
    }

    @Test func mergesWithoutRepeating() {
        var topology = AMQPTopology(exchanges: [.topic("a")])
        let addition = AMQPTopology(
            exchanges: [.topic("a"), .topic("b")], queues: [.quorum("q", deliveryLimit: 1)],
            bindings: [AMQPBinding(exchange: "a", queue: "q", pattern: "#")])
        topology.merge(addition)
        topology.merge(addition)
        #expect(topology.exchanges.map(\.name) == ["a", "b"])
        #expect(topology.queues.count == 1 && topology.bindings.count == 1)
    }

    @Test func replacesAndRemovesFields() {
        var table: AMQPTable = ["a": .int(1), "b": .null]
        table["a"] = .int(2)
        table["c"] = .bool(true)
        table["b"] = nil
        #expect(table == ["a": .int(2), "c": .bool(true)])
        table["none"] = nil
        #expect(table["none"] == nil && table["a"]?.int == 2 && table["a"]?.string == nil)
    }
}
