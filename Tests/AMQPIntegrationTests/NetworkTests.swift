import AMQP
import ServersTesting
import Testing
import TestKit

/// A network that is cut, and peers that do not speak AMQP.
@Suite(.serialized) struct NetworkTests {
    @Test func noticesACutNetworkAndComesBackAfterIt() async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        var endpoint = try AMQPEndpoint(url: url)
        let network = try CuttableNetwork(to: endpoint.port)
        defer { network.end() }
        endpoint.port = network.port
        let through = "amqp://\(endpoint.user):\(endpoint.password)@127.0.0.1:\(endpoint.port)/\(endpoint.virtualHost)"
        try await withConnection(to: through) { connection in
            try await connection.declare(OrderTopology.topology, timeout: patience)
            let publisher = connection.publisher()
            #expect(await publisher.publish(order(0), timeout: patience) == .confirmed)
            let consumer = connection.consumer(.init(queue: OrderTopology.queue))
            let held = try await consumer.take()
            network.cut()
            #expect(await publisher.publish(order(1), timeout: .milliseconds(100)) == .timedOut)
            try await eventually("the cut is noticed with the heartbeat of ten seconds") {
                !connection.state.isConnected
            }
            held.ack()
            let waiting = Task { await publisher.publish(order(2), timeout: patience) }
            network.heal()
            try await connection.waitUntilConnected(timeout: patience)
            #expect(await waiting.value == .confirmed)
            // Number 1 may have been held back by the network and arrive after all.
            var numbers: Set<Int> = []
            while !numbers.isSuperset(of: [0, 2]) {
                let delivery = try await consumer.take()
                numbers.insert(try number(of: delivery))
                delivery.ack()
            }
        }
    }

    /// What a peer does with a connection after the client's first bytes.
    enum Misconduct: String, CaseIterable, CustomTestStringConvertible {
        case closes, saysNothing, speaksHTTP, refusesTheProtocol, announcesAGiantFrame, cutsAFrame

        var testDescription: String { rawValue }

        /// The answer to the protocol header; `nil` keeps the connection open without one.
        var answer: [UInt8]? {
            switch self {
            case .closes: []
            case .saysNothing: nil
            case .speaksHTTP: Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".utf8)
            case .refusesTheProtocol: Array("AMQP".utf8) + [0, 1, 0, 0]
            case .announcesAGiantFrame: [1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF] + Array(repeating: 0, count: 100)
            case .cutsAFrame: [1, 0, 0, 0, 0, 1, 0, 0, 10, 0, 10, 0, 9]
            }
        }
    }

    @Test(arguments: Misconduct.allCases) func survivesAPeerThatDoesNotSpeakAMQP(misconduct: Misconduct) async throws {
        let listener = try TestSocket.listening()
        var configuration = AMQPConnection.Configuration()
        configuration.handshakeTimeout = .seconds(1)
        let connection = try AMQPConnection(
            url: "amqp://127.0.0.1:\(listener.port)/", name: "misled", configuration: configuration)
        let events = connection.events()
        try connection.start()
        onThread {
            while let client = listener.accept(within: 30_000) {
                _ = client.read()
                guard let answer = misconduct.answer else {
                    _ = client.isReadable(within: 30_000)
                    continue
                }
                client.write(answer)
            }
        }
        let failures = try await withDeadline("two failed attempts") {
            var failures: [AMQPConnection.Event] = []
            for await event in events {
                failures.append(event)
                if failures.count == 2 { break }
            }
            return failures
        }
        for failure in failures {
            guard case .connectFailed(let error) = failure else {
                Issue.record("unexpected \(failure)")
                continue
            }
            #expect(error.isRetriable)
        }
        try await withDeadline("the shutdown") { await connection.shutdown(within: .seconds(1800)) }
        #expect(connection.state == .shutDown)
        listener.shutDown()
    }

    @Test func saysWhyALoginIsRefused() async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        var endpoint = try AMQPEndpoint(url: url)
        endpoint.password = "wrong"
        let connection = try AMQPConnection(
            url: "amqp://\(endpoint.user):wrong@\(endpoint.host):\(endpoint.port)/", name: "stranger")
        try connection.start()
        try await eventually("the refusal is told") {
            if case .connecting(let failure?) = connection.state { failure.code == .loginRefused } else { false }
        }
        guard case .connecting(let failure?) = connection.state else { throw FixtureError(description: "no failure") }
        #expect(failure.message.contains("403") && !failure.isRetriable)
        await connection.shutdown()
    }

    @Test func refusesEverythingBeforeStartAndAfterShutdown() async throws {
        let connection = try AMQPConnection(url: "amqp://127.0.0.1:1/", name: "unused")
        let publisher = connection.publisher()
        let consumer = connection.consumer(.init(queue: .temporary))
        await connection.shutdown()
        await connection.shutdown()
        try connection.start()
        #expect(connection.state == .shutDown)
        #expect(await consumer.first { _ in true } == nil)
        #expect(await connection.consumer(.init(queue: .temporary)).first { _ in true } == nil)
        for late in [publisher, connection.publisher()] {
            guard case .refused(let error) = await late.publish(order(1)) else {
                Issue.record("not refused")
                continue
            }
            #expect(error.code == .shutDown)
        }
        let error = await #expect(throws: AMQPError.self) { try await connection.declare(OrderTopology.topology) }
        #expect(error?.code == .shutDown)
        #expect(await connection.events().first { _ in true } == nil)
        #expect(await publisher.publish([]) == [])
    }
}
