import Chronology
import CloudEvents
import Messaging
import MessagingTesting
import Observability
import Postgres
import ServersTesting
import Testing
import TestKit

/// The inbox and its consumer on a real database, with a broker in memory.
struct EventConsumerTests {
    @Test func aRepeatHasNoSecondEffect() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let events = try (1...20).map { try event("a", Int64($0)) }
            for _ in 0..<3 { await bench.publish(events) }
            try await bench.consuming(.all, RecordingHandler()) {
                try await settled(bench)
            }
            #expect(try await bench.effects() == ["a": Array(1...20)])
            #expect(try await bench.count("inbox") == 20)
            // After a restart the inbox still knows them.
            await bench.publish(events)
            try await bench.consuming(.all, RecordingHandler()) { try await settled(bench) }
            #expect(try await bench.count("effects") == 20)
        }
    }

    @Test func interruptionsAndRepeatsUnderLoadKeepOrderAndOneEffectEach() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let keys = (0..<20).map { "k\($0)" }
            let handler = RecordingHandler { _, attempt in
                attempt == 1 && Int.random(in: 0..<20) == 0 ? Refusal() : nil
            }
            try await bench.consuming(.all, handler, { $0.batch = 8 }) {
                for sequence in 1...40 {
                    if sequence % 7 == 0 { bench.broker.injectFaults([.duplicated, .duplicated]) }
                    await bench.publish(try keys.map { try event($0, Int64(sequence)) })
                    if sequence % 5 == 0 { bench.broker.interrupt() }
                }
                try await settled(bench)
            }
            let effects = try await bench.effects()
            #expect(effects.count == 20)
            for (key, sequences) in effects { #expect(sequences == Array(1...40), "\(key)") }
            #expect(try await bench.count("dead_letters") == 0)
        }
    }

    @Test func aFailingEventIsParkedAndItsAggregateBehindItWhileOthersGoOn() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let poison = try event("poisoned", 1, key: "user")
            let handler = RecordingHandler { event, _ in event.id == poison.id.description ? Refusal() : nil }
            // One event per transaction: a failed batch costs one more try that is not counted.
            try await bench.consuming(.all, handler, { $0.batch = 1 }) {
                await bench.publish([
                    poison, try event("poisoned", 2, key: "user"), try event("healthy", 1, key: "user"),
                    try event("other", 1),
                ])
                try await settled(bench)
                await bench.publish([try event("poisoned", 3, key: "user"), poison])
                try await settled(bench)
            }
            #expect(handler.attempts(poison.id.description) == 4)
            #expect(try await bench.effects() == ["healthy": [1], "other": [1]])
            let letters = try await bench.pool.query(
                "SELECT reason, attempts, error, subject, event FROM dead_letters ORDER BY id")
            let rows = try letters.map { try $0.decode(String.self, Int.self, String.self, String.self, [UInt8].self) }
            #expect(rows.map(\.0) == ["handler_failed", "behind_parked", "behind_parked"])
            #expect(rows.map(\.1) == [4, 0, 0])
            #expect(rows.first?.2 == "refused by the test")
            let parked = try rows.map { try CloudEventJSONCodec.decode($0.4).sequence }
            #expect(parked == [1, 2, 3])
            #expect(try await bench.count("inbox") == 2)
        }
    }

    @Test func aFailureLeavesNoEffectBehind() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let handler = RecordingHandler { _, attempt in attempt < 3 ? Refusal() : nil }
            await bench.publish([try event("a", 1)])
            try await bench.consuming(.all, handler) { try await settled(bench) }
            #expect(try await bench.effects() == ["a": [1]])
        }
    }

    @Test func transientFailuresNeverPark() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let handler = RecordingHandler { _, attempt in
                attempt <= 12 ? HandlerFailure(.transient, "away for a while") : nil
            }
            await bench.publish([try event("a", 1), try event("a", 2)])
            try await bench.consuming(.all, handler, { $0.batch = 1 }) { try await settled(bench) }
            #expect(try await bench.effects() == ["a": [1, 2]])
            #expect(try await bench.count("dead_letters") == 0)
        }
    }

    @Test func whatTheHandlerCannotUseIsParkedAtOnce() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let bad = try event("a", 1)
            let handler = RecordingHandler { _, _ in HandlerFailure(.unprocessable, "no such field") }
            await bench.publish([bad])
            try await bench.consuming(.all, handler) { try await settled(bench) }
            #expect(handler.attempts(bad.id.description) == 1)
            let letter = try await bench.pool.query("SELECT reason, error FROM dead_letters")
            #expect(try letter.first(as: String.self, String.self) == ("unprocessable", "no such field"))
        }
    }

    @Test func whatIsNoEventIsParkedWithItsBytes() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let garbage = OutboundEvent(
                id: "x", routingKey: "florin.test.garbage.v1", contentType: "application/cloudevents+json",
                headers: [MessageHeader("x-origin", .string("nul \u{0} inside")), MessageHeader("n", .integer(3))],
                body: [0x7B, 0x00, 0xFF])
            try await bench.consuming(.all, RecordingHandler()) {
                _ = await bench.broker.publish([garbage, garbage])
                await bench.publish([try event("a", 1)])
                try await settled(bench)
            }
            #expect(try await bench.effects() == ["a": [1]])
            let letters = try await bench.pool.query("SELECT reason, type, event, headers->>'n' FROM dead_letters")
            #expect(letters.count == 1)
            let letter = try letters.first(as: String.self, String.self, [UInt8].self, String.self)
            #expect(letter.0 == "undecodable" && letter.1 == "florin.test.garbage.v1" && letter.3 == "3")
            #expect(letter.2 == [0x7B, 0x00, 0xFF])
        }
    }

    @Test func binaryModeBatchesAndForeignIdentifiers() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let foreign = try CloudEvent(id: "not a uuid", source: "/elsewhere", type: "florin.test.foreign.v1")
            let batch = try (1...3).map { try event("batched", Int64($0)).event }
            let binary = CloudEventBinaryMode.encode(try event("binary", 1).event)
            let messages = [
                OutboundEvent(
                    id: "1", routingKey: "florin.test.foreign.v1", contentType: CloudEventJSONCodec.contentType,
                    body: CloudEventJSONCodec.encode(foreign)),
                OutboundEvent(
                    id: "2", routingKey: "florin.test.batch.v1", contentType: CloudEventJSONCodec.batchContentType,
                    body: CloudEventJSONCodec.encodeBatch(batch)),
                OutboundEvent(
                    id: "3", routingKey: "florin.test.binary.v1", contentType: binary.contentType,
                    headers: binary.headers.map { MessageHeader($0.name, $0.value) }, body: binary.body),
            ]
            try await bench.consuming(.all, RecordingHandler()) {
                for _ in 0..<2 { _ = await bench.broker.publish(messages) }
                try await settled(bench)
            }
            #expect(try await bench.effects() == ["": [0], "batched": [1, 2, 3], "binary": [1]])
        }
    }

    @Test func typesThatNobodyHandlesAreAcknowledged() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            await bench.publish([try event("a", 1, type: "florin.test.unknown.v1"), try event("a", 2)])
            try await bench.consuming(.all, RecordingHandler(types: ["florin.*.happened.v1"])) {
                try await settled(bench)
            }
            #expect(try await bench.effects() == ["a": [2]])
            #expect(try await bench.count("inbox") == 1)
        }
    }

    @Test func aHandlersOwnEventsCarryTheTraceAndTheCause() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let root = TraceContext.root()
            let cause = try TraceContext.$current.withValue(root) {
                try EventContext.$current.withValue(EventContext(requestID: "request-7")) { try event("a", 1) }
            }
            #expect(cause.event.correlationID == "request-7")
            #expect(cause.event.causationID == "request-7")
            try await bench.consuming(.all, EmittingHandler(outbox: bench.outbox)) {
                await bench.publish([cause])
                try await settled(bench)
            }
            let body = try await bench.pool.query("SELECT event FROM outbox").first(as: [UInt8].self)
            let emitted = try CloudEventJSONCodec.decode(body)
            #expect(emitted.correlationID == "request-7")
            #expect(emitted.causationID == cause.id.description)
            let trace = try #require(emitted.traceparent.flatMap { TraceContext(traceparent: $0) })
            #expect(trace.traceID == root.traceID)
            #expect(trace.spanID != root.spanID)
        }
    }

    @Test func aDatabaseThatIsKilledCostsNeitherEffectsNorAttempts() async throws {
        let server = try await TestPostgres.start()
        try await MessagingBench.with(url: server.makeDatabase()) { bench in
            bench.broker.declare(.all)
            try await bench.consuming(.all, RecordingHandler()) {
                for sequence in 1...30 {
                    await bench.publish(try (0..<10).map { try event("k\($0)", Int64(sequence)) })
                    if sequence == 10 {
                        try await server.kill()
                        try await server.restart()
                    }
                }
                try await settled(bench)
            }
            let effects = try await bench.effects()
            #expect(effects.count == 10)
            for sequences in effects.values { #expect(sequences == Array(1...30)) }
            #expect(try await bench.count("dead_letters") == 0)
        }
        try await server.stop()
    }

    /// Everything that was published is acknowledged.
    private func settled(_ bench: MessagingBench) async throws {
        try await eventually("the queue empties") {
            bench.broker.depth(of: "test.all") == 0 && bench.broker.unsettled(of: "test.all") == 0
        }
    }
}

/// Answers each event with one of its own.
private struct EmittingHandler: EventHandler {
    let types: [TopicPattern] = ["#"]
    let outbox: Outbox

    func handle(_ cause: CloudEvent, in transaction: PostgresTransaction) async throws {
        try await transaction.query(outbox.insert([try event("answer", 1)]))
    }
}
