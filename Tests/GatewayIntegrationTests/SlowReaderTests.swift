import Chronology
import CloudEvents
import EventLoop
import Foundation
import HTTPTesting
import Messaging
import MessagingAMQP
import ServersTesting
import Testing
import TestKit
import Tokens

/// A client that does not read its stream while ten thousand events for it go by: what it costs the program and others.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SlowReaderTests {
    private static let events = 10_000
    private static let type = "florin.expense.expense_created.v1"

    private let user = UUIDv7.make()
    private let other = UUIDv7.make()

    @Test func aSlowReaderHoldsNoMemoryAndNobodyUp() async throws {
        let key = try RSAPrivateKey.generate()
        let backend = try await Backend(key: key)
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        let gateway = try RunningGateway(backend.environment(broker: url))
        defer { gateway.kill() }
        let broker = try AMQPEventBroker(url: url, name: "test")
        try broker.start()
        try await broker.waitUntilReady(timeout: .seconds(60))
        try await eventually("it is ready and hears events") {
            try await gateway.admin("/readyz").body.contains(#""broker":"ready""#)
        }
        let quick = try gateway.stream(token: Backend.token(key, user: user))
        let others = try gateway.stream(token: Backend.token(key, user: other))
        for reader in [quick, others] {
            try await eventually("the stream is open") { reader.output.contains(": connected\n\n") }
        }
        // One never reads; the other reads on when it is too late.
        let never = try await slowReader(gateway, key, receiveBuffer: 4096)
        let late = try await slowReader(gateway, key, receiveBuffer: 65536)

        let before = try gateway.resident()
        var ids: [String] = []
        var rest: String?
        while ids.count < Self.events {
            ids += try await publish(250, to: user, on: broker)
            try await eventually("the quick reader keeps up") {
                quick.output.suffix(3000).contains("id: \(ids[ids.count - 1])\n")
            }
            if rest == nil, try await gateway.admin("/metrics").body.contains("florin_stream_overflows_total 2\n") {
                rest = try await late.receiveAll()
            }
        }
        let growth = try gateway.resident(peak: true) - before
        print("a slow reader, \(Self.events) events, \(quick.output.utf8.count) bytes: \(growth) KiB more at most")
        // Two streams of 256 KiB that wait and 128 KiB that are on their way, and what else comes and goes.
        #expect(growth < 20_000)
        #expect(received(quick.output) == ids)

        let mine = try await publish(1, to: other, on: broker)
        try await eventually("the other's event comes") { others.output.contains("id: \(mine[0])\n") }
        #expect(received(others.output) == mine)

        // What it has of the stream is a beginning of it, with the reason at its end.
        let text = try #require(rest)
        let had = received(text)
        #expect(!had.isEmpty && had == Array(ids.prefix(had.count)) && had.count < Self.events)
        #expect(text.hasSuffix("event: stream.overflow\ndata: {}\n\n\r\n0\r\n\r\n"))
        never.leave()
        gateway.terminate()
        #expect(try await gateway.exitStatus() == 0)
        await broker.shutdown()
        await backend.stop()
    }

    /// A stream whose client has read its beginning and nothing since.
    private func slowReader(
        _ gateway: RunningGateway, _ key: RSAPrivateKey, receiveBuffer: Int32
    ) async throws -> SocketClient {
        let address = gateway.environment["FLORIN_HTTP_LISTEN"] ?? ""
        let client = try SocketClient(SocketAddress(parsing: address), receiveBuffer: receiveBuffer)
        try await client.send(
            "GET /v1/events/stream HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\n"
                + "Authorization: Bearer \(Backend.token(key, user: user))\r\n\r\n")
        _ = try await client.receive(until: ": connected\n\n")
        return client
    }

    private func publish(_ count: Int, to user: UUIDv7, on broker: AMQPEventBroker) async throws -> [String] {
        let data = Array("{\"text\":\"\(String(repeating: "x", count: 1000))\"}".utf8)
        let events = try (0..<count).map { _ in
            let id = UUIDv7.make().description
            let event = try CloudEvent(
                id: id, source: "/florin/test", type: Self.type, subject: id, dataContentType: "application/json",
                extensions: [.init("partitionkey", .string(user.description))], data: .json(data))
            return OutboundEvent(
                id: id, routingKey: Self.type, contentType: CloudEventJSONCodec.contentType,
                body: CloudEventJSONCodec.encode(event))
        }
        #expect(await broker.publish(events).allSatisfy { $0 == .confirmed })
        return events.map(\.id)
    }

    private func received(_ text: String) -> [String] {
        text.components(separatedBy: "id: ").dropFirst().map { String($0.prefix(36)) }
    }
}
