import Chronology
import CloudEvents
import Foundation
import Messaging
import ServersTesting
import Testing
import TestKit

@testable import MessagingAMQP

/// The formats in which events are published: read by our own consumers, and by the PyPI packages pika and cloudevents from a
/// queue of their own.
@Suite(.serialized) struct EventFormatTests {
    private static let own = Subscription(queue: "own", bindings: ["florin.#"])
    private static let judged = Subscription(queue: "judged", bindings: ["florin.#"])

    private static func event(_ number: Int) throws -> CloudEvent {
        try CloudEvent(
            id: UUIDv7.make().description, source: "/florin/expense", type: "florin.expense.expense_created.v1",
            subject: "naïve 💶 \(number)", time: Timestamp(microsecondsSinceEpoch: 1_795_253_400_123_456),
            dataContentType: "application/json", dataSchema: "urn:florin:event:expense:expense_created:v1",
            extensions: [
                .init("partitionkey", .string("019aa1b2-0000-7000-8000-0000000000bb")),
                .init("sequence", .string(CloudEvent.sequenceText(Int64(number)))),
                .init("traceparent", .string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")),
                .init("unknown", .integer(-5)), .init("flag", .boolean(true)),
            ],
            data: .json(Array(#"{"amount":"12.50","name":"naïve 💶"}"#.utf8)))
    }

    private static func outbound(_ event: CloudEvent) -> OutboundEvent {
        OutboundEvent(
            id: event.id, routingKey: event.type, contentType: CloudEventJSONCodec.contentType,
            body: CloudEventJSONCodec.encode(event))
    }

    @Test(arguments: EventFormat.allCases) func everyFormatIsReadByOthersAndByUs(format: EventFormat) async throws {
        let url = try await TestRabbitMQ.shared().makeVirtualHost()
        let broker = try AMQPEventBroker(
            url: url, name: "format", queues: [Self.own, Self.judged], format: format)
        try broker.start()
        try await broker.waitUntilReady(timeout: patience)
        let events = try (1...5).map(Self.event)
        let outcomes = await broker.publish(events.map(Self.outbound))
        #expect(outcomes == events.map { _ in .confirmed })

        let received = try await withDeadline("the events") {
            var received: [Delivery] = []
            for await delivery in broker.deliveries(from: Self.own) {
                received.append(delivery)
                delivery.ack()
                if received.count == events.count { break }
            }
            return received
        }
        #expect(try received.flatMap { try $0.events() } == events)
        #expect(received.allSatisfy { $0.headers.isEmpty == (format != .binary) })
        await broker.shutdown()

        let seen = try await Judge.read(url, queue: Self.judged.queue, count: events.count)
        #expect(seen.map(\.mode) == events.map { _ in format.rawValue })
        #expect(seen.map(\.contentType) == received.map(\.contentType))
        for (event, judged) in zip(events, seen) {
            let read = try CloudEventJSONCodec.decode(judged.event)
            #expect(read.id == event.id && read.source == event.source && read.type == event.type)
            #expect(read.subject == event.subject && read.time == event.time && read.dataSchema == event.dataSchema)
            #expect(read.dataContentType == event.dataContentType && read.sequence == event.sequence)
            for attribute in event.extensions {
                #expect(read[extension: attribute.name] == attribute.value, "\(attribute.name)")
            }
            let data = try JSONSerialization.jsonObject(with: Data(read.jsonData ?? [])) as? [String: String]
            #expect(data == ["amount": "12.50", "name": "naïve 💶"])
        }
    }

    @Test(arguments: EventFormat.allCases) func whatIsNoEventIsPassedOnAsItIs(format: EventFormat) throws {
        for message in [
            OutboundEvent(
                id: "1", routingKey: "a", contentType: CloudEventJSONCodec.contentType, body: Array("{".utf8)),
            OutboundEvent(id: "1", routingKey: "a", contentType: "text/plain", body: [1]),
            OutboundEvent(
                id: "1", routingKey: "a", contentType: CloudEventJSONCodec.contentType,
                headers: [MessageHeader("x", .integer(1))], body: CloudEventJSONCodec.encode(try Self.event(1))),
        ] {
            #expect(format.written(message) == message)
        }
    }
}

/// What the Python packages say of messages in a queue.
private enum Judge {
    struct Seen {
        let mode: String
        let contentType: String
        let event: [UInt8]
    }

    static func read(_ url: String, queue: String, count: Int) async throws -> [Seen] {
        let folder = Python.root.appending(path: "Tests/Interop/cloudevents")
        let descriptors = FileManager.default.temporaryDirectory.appending(path: "cloudevents-\(UUID()).binpb")
        defer { try? FileManager.default.removeItem(at: descriptors) }
        let compiled = try await runProgram(
            "/usr/bin/protoc",
            [
                "--proto_path", folder.path, "--include_imports", "--descriptor_set_out", descriptors.path,
                "cloudevents.proto",
            ])
        try #require(compiled.status == 0, "\(compiled.output)")
        let read = try await Python.run("cloudevents/read_queue.py", [url, queue, "\(count)", descriptors.path])
        try #require(read.status == 0)
        return try read.lines.map { line in
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return Seen(
                mode: try #require(object["mode"] as? String),
                contentType: try #require(object["content_type"] as? String),
                event: [UInt8](try JSONSerialization.data(withJSONObject: try #require(object["event"]))))
        }
    }
}
