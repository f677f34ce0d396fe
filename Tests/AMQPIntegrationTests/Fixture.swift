import AMQP
import ServersTesting
import Testing

/// Bounds for what takes milliseconds on an idle machine.
let patience: Duration = .seconds(60)

/// Why a test could not go on.
struct FixtureError: Error, CustomStringConvertible {
    let description: String
}

/// Runs a test on a connection that is shut down afterwards, also after a failure.
func withConnection<Result>(
    to url: String, name: String = "test",
    configuration: AMQPConnection.Configuration = AMQPConnection.Configuration(),
    _ body: (AMQPConnection) async throws -> Result
) async throws -> Result {
    let connection = try AMQPConnection(url: url, name: name, configuration: configuration)
    try connection.start()
    do {
        try await connection.waitUntilConnected(timeout: patience)
        let result = try await body(connection)
        await connection.shutdown()
        return result
    } catch {
        await connection.shutdown()
        throw error
    }
}

/// Runs a test on a connection to an empty virtual host of the shared broker.
func withVirtualHost(_ body: (AMQPConnection) async throws -> Void) async throws {
    let broker = try await TestRabbitMQ.shared()
    try await withConnection(to: try await broker.makeVirtualHost(), body)
}

/// An exchange with one quorum queue that takes every routing key beginning with `order.`.
struct OrderTopology {
    static let exchange = "orders"
    static let queue = AMQPQueue.quorum("orders.all", deliveryLimit: 20)
    static let topology = AMQPTopology(
        exchanges: [.topic(exchange)], queues: [queue],
        bindings: [AMQPBinding(exchange: exchange, queue: queue.name, pattern: "order.#")])
}

/// A message for `OrderTopology` whose body is its number.
func order(_ number: Int, key: String = "order.placed", size: Int = 0) -> AMQPMessage {
    AMQPMessage(
        exchange: OrderTopology.exchange, routingKey: key, id: "order-\(number)",
        properties: AMQPProperties(contentType: "text/plain"),
        body: Array("\(number)".utf8) + Array(repeating: 0x20, count: size))
}

/// The number in the body of a message made by `order`.
func number(of delivery: AMQPDelivery) throws -> Int {
    let text = String(decoding: delivery.body.prefix { $0 != 0x20 }, as: UTF8.self)
    guard let number = Int(text) else { throw FixtureError(description: "not a number: \(text)") }
    return number
}

/// Takes and acknowledges deliveries until every number below `count` has come; answers all numbers in order of arrival.
func drain(_ consumer: AMQPConsumer, count: Int, within bound: Duration = patience) async throws -> [Int] {
    try await withDeadline("\(count) deliveries", bound) {
        var numbers: [Int] = []
        var seen: Set<Int> = []
        for await delivery in consumer {
            numbers.append(try number(of: delivery))
            delivery.ack()
            seen.insert(numbers[numbers.count - 1])
            if seen.count == count { break }
        }
        return numbers
    }
}

/// Runs the body, and fails when it takes longer than the bound.
func withDeadline<Result: Sendable>(
    _ what: String, _ bound: Duration = patience, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: bound)
            throw FixtureError(description: "did not end in time: \(what)")
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw FixtureError(description: "no result: \(what)") }
        return result
    }
}

extension AMQPConsumer {
    /// The next delivery, within the usual patience.
    func take() async throws -> AMQPDelivery {
        let delivery = try await withDeadline("a delivery") { await self.first { _ in true } }
        guard let delivery else { throw FixtureError(description: "the sequence ended") }
        return delivery
    }
}
