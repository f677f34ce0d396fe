import AMQP
import ServersTesting
import Testing
import TestKit

/// Publishing on a real broker.
@Suite(.serialized) struct PublisherTests {
    @Test func confirmsTwentyThousandMessages() async throws {
        try await withVirtualHost { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let publisher = connection.publisher()
            let total = 20_000
            let batch = 500
            let confirmed = try await withThrowingTaskGroup(of: Int.self) { group in
                for start in stride(from: 0, to: total, by: batch) {
                    group.addTask {
                        let messages = (start..<start + batch).map { order($0) }
                        let outcomes = await publisher.publish(messages, timeout: patience)
                        return outcomes.count { $0 == .confirmed }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(confirmed == total)
            let consumer = connection.consumer(.init(queue: OrderTopology.queue, prefetch: 1000))
            let numbers = try await drain(consumer, count: total)
            #expect(numbers.count == total)
        }
    }

    @Test func keepsTheOrderOfOneBatch() async throws {
        try await withVirtualHost { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let outcomes = await connection.publisher().publish((0..<3000).map { order($0) }, timeout: patience)
            #expect(outcomes.allSatisfy { $0 == .confirmed })
            let consumer = connection.consumer(.init(queue: OrderTopology.queue, prefetch: 100))
            #expect(try await drain(consumer, count: 3000) == Array(0..<3000))
        }
    }

    @Test func answersUnroutableMessagesByTheirId() async throws {
        try await withVirtualHost { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let messages = (0..<200).map { order($0, key: $0.isMultiple(of: 3) ? "nobody.cares" : "order.placed") }
            let outcomes = await connection.publisher().publish(messages, timeout: patience)
            for (number, outcome) in outcomes.enumerated() {
                let expected: AMQPPublishOutcome =
                    number.isMultiple(of: 3) ? .returned(code: 312, text: "NO_ROUTE") : .confirmed
                #expect(outcome == expected, "message \(number)")
            }
        }
    }

    @Test func carriesPropertiesHeadersAndLargeBodies() async throws {
        try await withVirtualHost { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let headers: AMQPTable = [
                "text": "é".amqp, "number": .int(-5), "flag": .bool(true), "double": .double(1.5),
                "bytes": .bytes([0, 255]), "time": .timestamp(1_700_000_000), "null": .null,
                "list": .array([.int(1), "two".amqp]), "nested": .table(["deep": .table(["er": .int(3)])]),
            ]
            // Three frames of body, and an empty one.
            for size in [300_000, 0] {
                var message = order(1)
                message.body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                message.properties = AMQPProperties(
                    contentType: "a/b", contentEncoding: "identity", headers: headers, priority: 3,
                    correlationID: "correlation", expiration: "600000", timestamp: 1_700_000_001, type: "kind")
                let outcome = await connection.publisher().publish(message, timeout: patience)
                #expect(outcome == .confirmed)
                let delivery = try await connection.consumer(.init(queue: OrderTopology.queue)).take()
                delivery.ack()
                var expected = message.properties
                expected.messageID = "order-1"
                // A quorum queue forwards headers in an order of its own.
                #expect(Set(delivery.headers.entries) == Set(headers.entries))
                expected.headers = delivery.headers
                #expect(delivery.properties == expected)
                // Kept out of the macro, which would describe every byte.
                let isSameBody = delivery.body == message.body
                #expect(isSameBody)
                #expect(delivery.routingKey == "order.placed" && delivery.exchange == OrderTopology.exchange)
                #expect(!delivery.isRedelivered && delivery.deliveryCount == nil)
            }
        }
    }

    @Test func refusesWhatCannotBeEncodedAndSendsTheRest() async throws {
        try await withVirtualHost { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            var nameless = order(1)
            nameless.id = ""
            var hugeHeaders = order(2)
            hugeHeaders.properties.headers = ["x": .bytes(Array(repeating: 1, count: 200_000))]
            let longKey = order(3, key: String(repeating: "k", count: 256))
            let outcomes = await connection.publisher().publish(
                [nameless, order(4), hugeHeaders, longKey, order(5)], timeout: patience)
            #expect(outcomes[1] == .confirmed && outcomes[4] == .confirmed)
            for index in [0, 2, 3] {
                guard case .refused(let error) = outcomes[index] else {
                    Issue.record("outcome \(index): \(outcomes[index])")
                    continue
                }
                #expect(error.code == .invalidArgument && !error.isRetriable)
            }
        }
    }

    @Test func nacksWhatAFullQueueRejects() async throws {
        try await withVirtualHost { connection in
            var topology = OrderTopology.topology
            topology.queues[0] = AMQPQueue(
                name: OrderTopology.queue.name,
                arguments: ["x-max-length": .int(3), "x-overflow": .string("reject-publish")])
            try await connection.declare(topology, timeout: patience)
            let publisher = connection.publisher()
            var outcomes: [AMQPPublishOutcome] = []
            for number in 0..<6 { outcomes.append(await publisher.publish(order(number), timeout: patience)) }
            #expect(outcomes.prefix(3).allSatisfy { $0 == .confirmed })
            #expect(outcomes.last == .nacked)
        }
    }

    @Test func opensTheChannelAgainAfterTheBrokerClosedIt() async throws {
        try await withVirtualHost { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let publisher = connection.publisher()
            var stray = order(1)
            stray.exchange = "no-such-exchange"
            guard case .connectionLost(let error) = await publisher.publish(stray, timeout: patience) else {
                Issue.record("a publish to no exchange must lose the channel")
                return
            }
            #expect(error.code == .channelClosed(replyCode: 404))
            #expect(await publisher.publish(order(2), timeout: patience) == .confirmed)
            #expect(connection.state == .connected)
        }
    }

    @Test func endsACancelledCallAtOnce() async throws {
        let connection = try AMQPConnection(url: "amqp://127.0.0.1:1/", name: "nowhere")
        try connection.start()
        let publisher = connection.publisher()
        let call = Task { await publisher.publish([order(1), order(2)], timeout: .seconds(3600)) }
        call.cancel()
        #expect(await call.value == [.timedOut, .timedOut])
        await connection.shutdown()
    }

    @Test func boundsACallWhileTheBrokerIsAway() async throws {
        let connection = try AMQPConnection(url: "amqp://127.0.0.1:1/", name: "nowhere")
        try connection.start()
        let publisher = connection.publisher()
        #expect(await publisher.publish(order(1), timeout: .milliseconds(50)) == .timedOut)
        #expect(await publisher.publish(order(1), timeout: .zero) == .timedOut)
        try await eventually("the failure is seen") {
            if case .connecting(let failure?) = connection.state { return failure.code == .connectFailed }
            return false
        }
        await connection.shutdown()
        #expect(connection.state == .shutDown)
        guard case .refused(let error) = await publisher.publish(order(1)) else {
            Issue.record("a publish after the shutdown must be refused")
            return
        }
        #expect(error.code == .shutDown)
    }

    @Test func refusesMoreThanMayWait() async throws {
        let connection = try AMQPConnection(url: "amqp://127.0.0.1:1/", name: "nowhere")
        try connection.start()
        var configuration = AMQPPublisher.Configuration()
        configuration.maximumWaiting = 10
        let publisher = connection.publisher(configuration)
        let waiting = Task { await publisher.publish((0..<8).map { order($0) }, timeout: .seconds(3600)) }
        try await eventually("the first call waits") { publisher.waiting == 8 }
        let overload = await publisher.publish((0..<4).map { order($0) }, timeout: patience)[0]
        guard case .refused(let error) = overload else { throw FixtureError(description: "\(overload)") }
        #expect(error.code == .overloaded && error.isRetriable)
        // Those that gave up make room; the first call still waits.
        for _ in 0..<5 { #expect(await publisher.publish(order(9), timeout: .milliseconds(1)) == .timedOut) }
        waiting.cancel()
        #expect(await waiting.value.allSatisfy { $0 == .timedOut })
        await connection.shutdown()
    }
}

extension String {
    /// As a header's value.
    fileprivate var amqp: AMQPValue { .string(self) }
}
