import AMQP
import ServersTesting
import Testing
import TestKit

/// Consuming from a real broker.
@Suite(.serialized) struct ConsumerTests {
    private func publish(_ numbers: Range<Int>, on connection: AMQPConnection) async throws {
        try await connection.declare(OrderTopology.topology, timeout: patience)
        let outcomes = await connection.publisher().publish(numbers.map { order($0) }, timeout: patience)
        #expect(outcomes.allSatisfy { $0 == .confirmed })
    }

    @Test func buffersNoMoreThanThePrefetch() async throws {
        try await withVirtualHost { connection in
            try await publish(0..<100, on: connection)
            let consumer = connection.consumer(.init(queue: OrderTopology.queue, prefetch: 10))
            try await eventually("the prefetch is used") { consumer.buffered == 10 }
            // Two taken and one of them settled: the broker may send one more, not two.
            let first = try await consumer.take()
            let second = try await consumer.take()
            #expect(consumer.buffered == 8)
            first.ack()
            try await eventually("one more has come") { consumer.buffered == 9 }
            second.ack()
            #expect(try await drain(consumer, count: 98) == Array(2..<100))
        }
    }

    @Test func deliversAgainWhatIsRequeuedAndCountsIt() async throws {
        try await withVirtualHost { connection in
            try await publish(0..<1, on: connection)
            let consumer = connection.consumer(.init(queue: OrderTopology.queue))
            for attempt in 0..<4 {
                let delivery = try await consumer.take()
                #expect(delivery.isRedelivered == (attempt > 0))
                #expect(delivery.deliveryCount == (attempt == 0 ? nil : Int64(attempt)))
                if attempt < 3 { delivery.reject(requeue: true) } else { delivery.ack() }
            }
        }
    }

    @Test func settlesEachDeliveryOnce() async throws {
        try await withVirtualHost { connection in
            try await publish(0..<50, on: connection)
            let consumer = connection.consumer(.init(queue: OrderTopology.queue, prefetch: 50))
            var deliveries: [AMQPDelivery] = []
            for _ in 0..<50 { deliveries.append(try await consumer.take()) }
            for delivery in deliveries.shuffled() {
                delivery.ack()
                delivery.reject(requeue: true)
                delivery.ack()
            }
            // A tag settled twice would have closed the channel, and its messages would come again.
            try await publish(50..<51, on: connection)
            #expect(try number(of: try await consumer.take()) == 50)
            #expect(consumer.isSubscribed)
        }
    }

    @Test func movesWhatIsGivenUpToTheDeadLetters() async throws {
        try await withVirtualHost { connection in
            let dead = AMQPQueue(name: "orders.dead")
            let queue = AMQPQueue.quorum(
                "orders.limited", deliveryLimit: 2,
                deadLettering: AMQPQueue.DeadLettering(exchange: "", routingKey: dead.name))
            try await connection.declare(
                AMQPTopology(
                    exchanges: [.topic(OrderTopology.exchange)], queues: [queue, dead],
                    bindings: [AMQPBinding(exchange: OrderTopology.exchange, queue: queue.name, pattern: "#")]),
                timeout: patience)
            let outcomes = await connection.publisher().publish([order(1), order(2)], timeout: patience)
            #expect(outcomes == [.confirmed, .confirmed])
            let consumer = connection.consumer(.init(queue: queue, prefetch: 1))
            try await consumer.take().reject(requeue: false)
            for _ in 0..<3 { try await consumer.take().reject(requeue: true) }
            let graveyard = connection.consumer(.init(queue: dead))
            #expect(try await drain(graveyard, count: 2).sorted() == [1, 2])
        }
    }

    @Test func givesATemporaryQueueItsBindings() async throws {
        try await withVirtualHost { connection in
            try await connection.declare(AMQPTopology(exchanges: [.topic(OrderTopology.exchange)]), timeout: patience)
            let bindings = ["order.*", "refund.#"].map {
                AMQPBinding(exchange: OrderTopology.exchange, queue: "", pattern: $0)
            }
            let consumers = (0..<2).map { _ in connection.consumer(.init(queue: .temporary, bindings: bindings)) }
            for consumer in consumers { try await consumer.waitUntilSubscribed(timeout: patience) }
            let outcomes = await connection.publisher().publish(
                [order(0), order(1, key: "other"), order(2, key: "refund.a.b")], timeout: patience)
            #expect(outcomes == [.confirmed, .returned(code: 312, text: "NO_ROUTE"), .confirmed])
            for consumer in consumers {
                #expect(try number(of: try await consumer.take()) == 0)
                #expect(try number(of: try await consumer.take()) == 2)
                consumer.cancel()
            }
            let publisher = connection.publisher()
            try await eventually("the queues went with their consumers") {
                await publisher.publish(order(3), timeout: patience) == .returned(code: 312, text: "NO_ROUTE")
            }
        }
    }

    @Test func subscribesAgainAfterItsQueueWasDeleted() async throws {
        try await withVirtualHost { connection in
            try await publish(0..<1, on: connection)
            let consumer = connection.consumer(
                .init(queue: OrderTopology.queue, bindings: OrderTopology.topology.bindings))
            try await consumer.take().ack()
            let events = connection.events()
            try await connection.deleteQueue(OrderTopology.queue.name, timeout: patience)
            let loss = try await withDeadline("the cancel is told") {
                await events.first { if case .channelLost = $0 { true } else { false } }
            }
            #expect(
                loss
                    == .channelLost(
                        OrderTopology.queue.name,
                        AMQPError(.channelClosed(replyCode: 404), "the broker cancelled the consumer")))
            try await consumer.waitUntilSubscribed(timeout: patience)
            #expect(await connection.publisher().publish(order(7), timeout: patience) == .confirmed)
            #expect(try number(of: try await consumer.take()) == 7)
        }
    }

    /// The broker is made to believe that the consumer has acknowledged what it was never given.
    @Test func subscribesAgainAfterTheBrokerClosedItsChannel() async throws {
        let broker = try await TestRabbitMQ.shared()
        let url = try await broker.makeVirtualHost()
        let host = try AMQPEndpoint(url: url).virtualHost
        try await withConnection(to: url) { connection in
            try await publish(0..<1, on: connection)
            let consumer = connection.consumer(.init(queue: OrderTopology.queue))
            _ = try await consumer.take()
            let events = connection.events()
            _ = try await broker.ctl(
                "eval",
                """
                [rabbit_channel:do(P, {'basic.ack', 999, false}) || P <- rabbit_channel:list(), \
                rabbit_channel:info(P, [vhost, consumer_count]) == [{vhost, <<"\(host)">>}, {consumer_count, 1}]].
                """)
            let loss = try await withDeadline("the end of the channel") {
                await events.first { if case .channelLost = $0 { true } else { false } }
            }
            guard case .channelLost(OrderTopology.queue.name, let error)? = loss else {
                Issue.record("another channel was lost: \(String(describing: loss))")
                return
            }
            #expect(error.code == .channelClosed(replyCode: 406))
            // What was not settled is delivered again, on another channel of the same connection.
            let again = try await consumer.take()
            #expect(try number(of: again) == 0 && again.isRedelivered)
            again.ack()
            #expect(connection.state == .connected)
        }
    }

    @Test func givesBackWhatACancelledConsumerHolds() async throws {
        try await withVirtualHost { connection in
            try await publish(0..<5, on: connection)
            let first = connection.consumer(.init(queue: OrderTopology.queue, prefetch: 5))
            try await eventually("all five are held") { first.buffered == 5 }
            let held = try await first.take()
            first.cancel()
            #expect(await first.first { _ in true } == nil)
            let second = connection.consumer(.init(queue: OrderTopology.queue, prefetch: 5))
            #expect(try await drain(second, count: 5).sorted() == Array(0..<5))
            // Its channel is gone; settling must not touch the deliveries of another.
            held.reject(requeue: true)
            #expect(await connection.publisher().publish(order(5), timeout: patience) == .confirmed)
            #expect(try number(of: try await second.take()) == 5)
        }
    }

    @Test func rejectsABodyBeyondItsLimit() async throws {
        try await withVirtualHost { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let outcomes = await connection.publisher().publish(
                [order(1, size: 300_000), order(2)], timeout: patience)
            #expect(outcomes == [.confirmed, .confirmed])
            let consumer = connection.consumer(
                .init(queue: OrderTopology.queue, prefetch: 1, maximumBodySize: 1000))
            #expect(try number(of: try await consumer.take()) == 2)
        }
    }

    @Test func endsTheSequenceOfACancelledTask() async throws {
        try await withVirtualHost { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let consumer = connection.consumer(.init(queue: OrderTopology.queue))
            let task = Task { await consumer.reduce(0) { count, _ in count + 1 } }
            try await consumer.waitUntilSubscribed(timeout: patience)
            task.cancel()
            #expect(try await withDeadline("the sequence ends") { await task.value } == 0)
        }
    }

    @Test func refusesANameThatCannotBeEncoded() async throws {
        try await withVirtualHost { connection in
            let error = await #expect(throws: AMQPError.self) {
                try await connection.declare(
                    AMQPTopology(queues: [AMQPQueue(name: String(repeating: "q", count: 256))]), timeout: patience)
            }
            #expect(error?.code == .invalidArgument && connection.state == .connected)
        }
    }

    @Test func refusesAQueueThatExistsWithOtherSettings() async throws {
        try await withVirtualHost { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            // Idempotent as it stands.
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let other = AMQPQueue.quorum(OrderTopology.queue.name, deliveryLimit: 3)
            let error = await #expect(throws: AMQPError.self) {
                try await connection.declare(AMQPTopology(queues: [other]), timeout: patience)
            }
            #expect(error?.code == .channelClosed(replyCode: 406) && error?.isRetriable == false)
            #expect(connection.state == .connected)
        }
    }
}
