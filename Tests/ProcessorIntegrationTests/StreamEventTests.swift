import Chronology
import Contracts
import EventLoop
import GRPC
import Messaging
import Postgres
import ProcessorAPI
import ProcessorInfrastructure
import ServiceRuntime
import Testing
import TestKit

/// The events that live streams are resumed from.
@Suite struct StreamEventTests {
    /// Consumes into the store while `body` runs, with a client of the service.
    private func run(_ body: (ProcessorFixture, StreamServiceClient) async throws -> Void) async throws {
        try await ProcessorFixture.run { processor in
            let consumer = EventConsumer(
                subscriber: processor.broker, subscription: EventQueues.streams, pool: processor.pool,
                handler: StreamEventHandler(), metrics: processor.metrics)
            let task = processor.loop.spawn { await consumer.run() }
            let api = StreamAPI(events: StreamEvents(pool: processor.pool), logger: .silent)
            let server = GRPCServer(
                loop: processor.loop, configuration: GRPCServer.Configuration(address: .loopback(port: 0)),
                services: [StreamServiceHandlers(api)], logger: .silent)
            let channel = GRPCChannel(loop: processor.loop, targets: [try await server.start()])
            var failure: (any Error)?
            do {
                try await body(processor, StreamServiceClient(channel: channel))
            } catch {
                failure = error
            }
            task.cancel()
            await task.value
            await channel.shutdown()
            await server.shutdown(grace: .seconds(5))
            if let failure { throw failure }
        }
    }

    private func page(
        _ client: StreamServiceClient, _ user: UUIDv7, after event: String? = nil, position: Int64? = nil
    ) async throws -> StreamEventPage {
        try await client.listStreamEvents(
            StreamEventQuery(afterEvent: event, afterPosition: position), metadata: Caller(userID: user).metadata,
            timeout: patience
        ).message
    }

    @Test func whatFollowsAnEventIsToldInPages() async throws {
        try await run { processor, client in
            let (ada, eve) = (UUIDv7.make(), UUIDv7.make())
            let events = try (0..<(StreamEvents.pageLength + 30)).map {
                try SampleEvents.spent($0 % 26 == 5 ? eve : ada)
            }
            try await processor.publish(events.map(OutboundEvent.init))
            try await eventually("all are kept") {
                try await processor.count("stream_events") == events.count
            }
            let own = events.enumerated().filter { $0.offset % 26 != 5 }.map { $0.element.id.description }
            let first = try await page(client, ada, after: own[0])
            #expect(first.isKnown && first.hasMore && first.events.count == StreamEvents.pageLength)
            let second = try await page(client, ada, position: first.position)
            #expect(second.isKnown && !second.hasMore)
            #expect((first.events + second.events).map(\.id) == Array(own.dropFirst()))
            let event = try #require(first.events.first)
            #expect(event.type == ExpenseCreatedV1.type && event.event.contains("\"specversion\":\"1.0\""))
            let last = try await page(client, ada, position: second.position)
            #expect(last.isKnown && last.events.isEmpty && last.position == second.position)

            #expect(try await !page(client, eve, after: own[0]).isKnown)
            #expect(try await !page(client, ada, after: UUIDv7.make().description).isKnown)
            #expect(try await !page(client, ada).isKnown)
        }
    }

    @Test func whatIsOldIsForgotten() async throws {
        try await run { processor, client in
            let user = UUIDv7.make()
            let events = try (0..<3).map { _ in try SampleEvents.spent(user) }
            try await processor.publish(events.map(OutboundEvent.init))
            try await eventually("all are kept") { try await processor.count("stream_events") == 3 }
            let store = StreamEvents(pool: processor.pool)
            #expect(try await store.sweep() == 0)
            try await processor.pool.query(
                "UPDATE stream_events SET stored_at = now() - interval '61 minutes' WHERE event_id = \(events[0].id.description)"
            )
            #expect(try await store.sweep() == 1)
            #expect(try await !page(client, user, after: events[0].id.description).isKnown)
            #expect(try await page(client, user, after: events[1].id.description).events.count == 1)
        }
    }

    @Test func theEndOfAnAccountLeavesNothing() async throws {
        try await run { processor, _ in
            let (gone, other) = (UUIDv7.make(), UUIDv7.make())
            let before = try [SampleEvents.spent(gone), SampleEvents.spent(other)]
            try await processor.publish(before.map(OutboundEvent.init))
            try await eventually("both are kept") { try await processor.count("stream_events") == 2 }
            let deletion = try OutboxEvent(
                UserDeletedV1(userID: gone.description, erasureID: "e1", deletedAt: SampleEvents.time.description),
                service: "auth", subject: gone, user: gone, sequence: 9, time: SampleEvents.time)
            let erasure = EventConsumer(
                subscriber: processor.broker, subscription: EventQueues.processorErasures, pool: processor.pool,
                handler: ErasureHandler(ProcessorErasure.service, outbox: Outbox(), clock: SystemClock()),
                metrics: processor.metrics)
            let task = processor.loop.spawn { await erasure.run() }
            try await processor.publish([OutboundEvent(deletion)])
            try await eventually("one is erased") { try await processor.count("stream_events") == 1 }
            task.cancel()
            await task.value
            // What comes late of the one is not kept, what comes of the other is.
            let late = try [SampleEvents.spent(gone), SampleEvents.spent(other)]
            try await processor.publish(late.map(OutboundEvent.init))
            try await eventually("both are handled") {
                processor.counter(EventQueues.streams.queue, "applied") == 4
            }
            #expect(try await processor.count("stream_events") == 2)
        }
    }
}
