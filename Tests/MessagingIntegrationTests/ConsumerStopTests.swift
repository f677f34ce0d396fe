import CloudEvents
import EventLoop
import Messaging
import MessagingTesting
import Postgres
import Synchronization
import Testing
import TestKit

/// What a stop leaves behind: commits within the grace, nothing half done after it.
struct ConsumerStopTests {
    @Test func whatIsUnderWayCommitsAndIsAcknowledged() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            await bench.publish([try event("a", 1), try event("a", 2)])
            let handler = WaitingHandler()
            var configuration = EventConsumer.Configuration()
            configuration.batch = 1
            configuration.grace = patience
            let consumer = EventConsumer(
                subscriber: bench.broker, subscription: .all, pool: bench.pool, handler: handler,
                configuration: configuration)
            let run = Task { await consumer.run() }
            try await eventually("the first is under way") { handler.started == 1 }
            run.cancel()
            handler.open()
            await run.value
            #expect(try await bench.effects() == ["a": [1]])
            #expect(handler.started == 1, "nothing new is begun")
            #expect(
                bench.broker.depth(of: "test.all") == 1, "the first is acknowledged, the other waits for the next run")
        }
    }

    @Test func whatOutlastsTheGraceIsRolledBack() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            await bench.publish([try event("a", 1)])
            let handler = WaitingHandler()
            var configuration = EventConsumer.Configuration()
            configuration.grace = .milliseconds(50)
            let consumer = EventConsumer(
                subscriber: bench.broker, subscription: .all, pool: bench.pool, handler: handler,
                configuration: configuration)
            let run = Task { await consumer.run() }
            try await eventually("it is under way") { handler.started == 1 }
            run.cancel()
            await run.value
            handler.open()
            #expect(try await bench.count("effects") == 0)
            #expect(try await bench.count("inbox") == 0)
            #expect(bench.broker.depth(of: "test.all") == 1)
            try await bench.consuming(.all, handler) {
                try await eventually("the next run handles it") { try await bench.effects() == ["a": [1]] }
            }
        }
    }
}

/// Makes the effect, then waits with the transaction open.
private final class WaitingHandler: EventHandler {
    let types: [TopicPattern] = ["#"]
    private let isOpen = Atomic(false)
    private let count = Atomic(0)
    private let recording = RecordingHandler()

    var started: Int { count.load(ordering: .acquiring) }

    func open() { isOpen.store(true, ordering: .releasing) }

    func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        try await recording.handle(event, in: transaction)
        count.add(1, ordering: .releasing)
        while !isOpen.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(5)) }
    }
}
