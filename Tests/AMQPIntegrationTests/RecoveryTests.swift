import AMQP
import ServersTesting
import Testing
import TestKit

/// A broker that is killed, frozen or out of memory. Each test has a broker of its own.
@Suite(.serialized) struct RecoveryTests {
    private func withBroker(_ body: (TestRabbitMQ) async throws -> Void) async throws {
        let broker = try await TestRabbitMQ.start()
        do {
            try await body(broker)
            try await broker.stop()
        } catch {
            try await broker.stop()
            throw error
        }
    }

    /// Publishes until it is confirmed, as an outbox does.
    private func publishUntilConfirmed(_ message: AMQPMessage, by publisher: AMQPPublisher) async throws {
        try await eventually("message \(message.id) is confirmed", within: .seconds(120)) {
            await publisher.publish(message, timeout: .seconds(5)) == .confirmed
        }
    }

    @Test func comesBackAfterTheBrokerWasKilled() async throws {
        try await withBroker { broker in
            try await withConnection(to: broker.url) { connection in
                try await connection.declare(OrderTopology.topology, timeout: patience)
                let publisher = connection.publisher()
                let consumer = connection.consumer(.init(queue: OrderTopology.queue, prefetch: 10))
                // A quorum queue killed within a second of its declaration may come back without a leader (RabbitMQ
                // 3.10), so it is in use for longer than that first.
                let declared = ContinuousClock.now
                var count = 0
                while count < 20 || ContinuousClock.now - declared < .seconds(2) {
                    try await publishUntilConfirmed(order(count), by: publisher)
                    count += 1
                }
                let last = count
                var unsettled: [AMQPDelivery] = []
                for _ in 0..<3 { unsettled.append(try await consumer.take()) }

                let events = connection.events()
                try await broker.kill()
                try await eventually("the loss is seen") { !connection.state.isConnected }
                #expect(!consumer.isSubscribed)
                let meanwhile = Task { await publisher.publish(order(last), timeout: .seconds(120)) }
                try await broker.restart()
                try await connection.waitUntilConnected(timeout: patience)
                #expect(await meanwhile.value == .confirmed)
                try await consumer.waitUntilSubscribed(timeout: patience)
                // Settled on the lost connection: without effect, and without harm to the new one.
                for delivery in unsettled { delivery.ack() }
                let numbers = try await drain(consumer, count: last + 1, within: .seconds(120))
                #expect(Set(numbers) == Set(0...last))
                var kinds: [String] = []
                for await event in events {
                    switch event {
                    case .disconnected: kinds.append("disconnected")
                    case .connected: kinds.append("connected")
                    default: break
                    }
                    if kinds.last == "connected" { break }
                }
                #expect(kinds == ["disconnected", "connected"])
            }
        }
    }

    @Test func deliversAgainAfterTheConnectionWasClosed() async throws {
        let broker = try await TestRabbitMQ.shared()
        let url = try await broker.makeVirtualHost()
        try await withConnection(to: url, name: "to-be-closed") { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let outcomes = await connection.publisher().publish((0..<10).map { order($0) }, timeout: patience)
            #expect(outcomes.allSatisfy { $0 == .confirmed })
            let consumer = connection.consumer(.init(queue: OrderTopology.queue, prefetch: 10))
            for _ in 0..<4 { try await consumer.take().ack() }
            let held = try await consumer.take()
            try await eventually("four are settled") {
                try await broker.ctl("list_queues", "-q", "-p", connection.endpoint.virtualHost, "messages")
                    .contains("6")
            }
            let events = connection.events()
            try await broker.ctl(
                "close_all_connections", "-q", "--vhost", connection.endpoint.virtualHost, "maintenance")
            let loss = try await withDeadline("the loss") { await events.first { _ in true } }
            guard case .disconnected(let error)? = loss else { throw FixtureError(description: "\(loss as Any)") }
            #expect(error.code == .connectionClosed(replyCode: 320))
            held.ack()
            let numbers = try await drain(consumer, count: 6)
            #expect(numbers == Array(4..<10))
        }
    }

    @Test func waitsForABlockedBrokerAndGoesOn() async throws {
        try await withBroker { broker in
            try await withConnection(to: broker.url) { connection in
                try await connection.declare(OrderTopology.topology, timeout: patience)
                let publisher = connection.publisher()
                #expect(await publisher.publish(order(0), timeout: patience) == .confirmed)
                try await broker.ctl("set_vm_memory_high_watermark", "0.00001")
                // The broker tells a connection only once it publishes; more than the sockets hold is offered meanwhile.
                let flood = Task {
                    await publisher.publish((1...2000).map { order($0, size: 16_000) }, timeout: .seconds(180))
                }
                try await eventually("the alarm is told") {
                    if case .blocked = connection.state { true } else { false }
                }
                #expect(await publisher.publish(order(9999), timeout: .milliseconds(100)) == .timedOut)
                #expect(connection.state.isConnected)
                try await broker.ctl("set_vm_memory_high_watermark", "absolute", "1GB")
                let outcomes = await flood.value
                #expect(outcomes.count { $0 == .confirmed } == 2000)
                #expect(connection.state == .connected)
                let consumer = connection.consumer(.init(queue: OrderTopology.queue, prefetch: 200))
                #expect(Set(try await drain(consumer, count: 2001)) == Set(0...2000))
            }
        }
    }

    @Test func keepsItsBoundsWhileTheBrokerIsFrozen() async throws {
        try await withBroker { broker in
            var configuration = AMQPConnection.Configuration()
            configuration.heartbeat = .seconds(2)
            let connection = try AMQPConnection(url: broker.url, name: "frozen", configuration: configuration)
            try connection.start()
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let publisher = connection.publisher()
            #expect(await publisher.publish(order(0), timeout: patience) == .confirmed)
            let consumer = connection.consumer(.init(queue: OrderTopology.queue))
            let held = try await consumer.take()
            try await broker.pause()
            #expect(await publisher.publish(order(1), timeout: .milliseconds(200)) == .timedOut)
            // No FIN and no reset: only the missing heartbeats tell.
            try await eventually("the silence is noticed") { !connection.state.isConnected }
            held.ack()
            let late = AMQPTopology(exchanges: [.topic("late")])
            let error = await #expect(throws: AMQPError.self) {
                try await connection.declare(late, timeout: .milliseconds(200))
            }
            #expect(error?.code == .timedOut)
            try await broker.resume()
            try await connection.waitUntilConnected(timeout: patience)
            try await publishUntilConfirmed(order(2), by: publisher)
            await connection.shutdown()
        }
    }

    @Test(arguments: [true, false]) func shutsDownWhileTheBrokerIsFrozen(isConnected: Bool) async throws {
        try await withBroker { broker in
            let connection = try AMQPConnection(url: broker.url, name: "frozen")
            let consumer: AMQPConsumer
            let publisher: AMQPPublisher
            if isConnected {
                try connection.start()
                try await connection.declare(OrderTopology.topology, timeout: patience)
                publisher = connection.publisher()
                consumer = connection.consumer(.init(queue: OrderTopology.queue))
                try await publisher.waitUntilReady(timeout: patience)
                try await broker.pause()
            } else {
                // The kernel accepts; the login gets no answer.
                try await broker.pause()
                try connection.start()
                publisher = connection.publisher()
                consumer = connection.consumer(.init(queue: OrderTopology.queue))
            }
            let publishing = Task { await publisher.publish(order(1), timeout: .seconds(3600)) }
            let consuming = Task { await consumer.first { _ in true } }
            let waiting = Task {
                await #expect(throws: AMQPError.self) {
                    try await connection.declare(
                        AMQPTopology(exchanges: [.topic("late")]), timeout: .seconds(3600))
                }
            }
            // Half an hour is the bound; the test's patience is far below it, so only a prompt end passes.
            try await withDeadline("the shutdown") { await connection.shutdown(within: .seconds(1800)) }
            #expect(connection.state == .shutDown)
            #expect(try await withDeadline("the publish ends") { await publishing.value } != .confirmed)
            #expect(try await withDeadline("the sequence ends") { await consuming.value } == nil)
            #expect(try await withDeadline("the declaration ends") { await waiting.value }?.code == .shutDown)
            try await broker.resume()
        }
    }
}
