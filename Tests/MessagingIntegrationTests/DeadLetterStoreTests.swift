import CloudEvents
import EventLoop
import Messaging
import MessagingTesting
import Postgres
import Synchronization
import Testing
import TestKit

/// Listing and deciding about dead letters, and the consumer that carries the decisions out.
struct DeadLetterStoreTests {
    @Test func listsFiltersAndShows() async throws {
        try await MessagingBench.with { bench in
            let store = DeadLetterStore(pool: bench.pool)
            try await park(bench, failing: ["a", "b", "c"], writing: [1, 2])
            let all = try await store.list()
            #expect(all.map(\.state) == Array(repeating: .parked, count: 6))
            #expect(try await store.list(limit: 4) == Array(all.prefix(4)))
            #expect(try await store.list(after: all[3].id) == Array(all.suffix(2)))
            #expect(try await store.list(.init(consumer: "nobody")).isEmpty)
            #expect(try await store.list(.init(reason: .behindParked)).count == 3)
            #expect(try await store.list(.init(subject: "b")).compactMap(\.subject) == ["b", "b"])
            #expect(try await store.list(.init(type: "florin.test.happened.v1", state: .parked)).count == 6)
            #expect(try await store.list(.init(state: .archived)).isEmpty)

            let second = try #require(try await store.list(.init(reason: .behindParked, subject: "a")).first)
            let shown = try #require(try await store.show(second.id))
            #expect(shown.letter == second && shown.ahead == 1 && shown.behind == 0)
            #expect(try CloudEventJSONCodec.decode(shown.body).sequence == 2)
            #expect(shown.headers == Array("{}".utf8))
            #expect(try await store.show(-1) == nil)
        }
    }

    @Test func groupsWhatFailedAlike() async throws {
        try await MessagingBench.with { bench in
            let store = DeadLetterStore(pool: bench.pool)
            try await park(bench, failing: ["a", "b", "c"], writing: [1, 2])
            let groups = try await store.groups()
            #expect(groups.map(\.count) == [3, 3])
            let failed = try #require(groups.first { $0.reason == .unprocessable })
            #expect(failed.error == "no account 1")
            #expect(failed.consumer == "test.all" && failed.firstParkedAt <= failed.lastParkedAt)
            let letters = try await store.list(.init(cause: failed.cause))
            #expect(letters.count == 3 && letters.first?.id == failed.firstID)
        }
    }

    @Test func aReplayKeepsTheOrderOfTheAggregateWithLiveEvents() async throws {
        try await MessagingBench.with { bench in
            let store = DeadLetterStore(pool: bench.pool)
            let gate = try await park(bench, failing: ["a", "b"], writing: [1, 2, 3])
            try await bench.consuming(.all, gate, { $0.replayInterval = .milliseconds(50) }) {
                // Still failing: all stay, with one attempt more for the first.
                let last = try #require(try await store.list(.init(subject: "a")).last)
                let change = try await store.replay(.ids([last.id]))
                #expect(change == DeadLetterChange(selected: 1, following: 2, isDryRun: false))
                try await eventually("it failed again") {
                    try await store.list(.init(subject: "a", state: .parked)).map(\.attempts) == [2, 0, 0]
                }
                gate.open()
                // What arrives meanwhile waits its turn.
                await bench.publish([try event("a", 4), try event("b", 4)])
                try await eventually("the new one is parked behind") {
                    try await store.list(.init(subject: "a")).count == 4
                }
                #expect(try await store.replay(.ids([last.id]), isDryRun: true).following == 3)
                _ = try await store.replay(.ids([last.id]))
                await bench.publish([try event("a", 5)])
                try await eventually("the aggregate is through") {
                    try await bench.effects()["a"] == [1, 2, 3, 4, 5]
                }
                #expect(try await store.list().map(\.subject) == Array(repeating: "b", count: 4))
                #expect(try await bench.effects().count == 1)
            }
        }
    }

    @Test func aReplayOfWhatWasHandledHasNoEffect() async throws {
        try await MessagingBench.with { bench in
            let store = DeadLetterStore(pool: bench.pool)
            let gate = try await park(bench, failing: ["a"], writing: [1])
            try await bench.consuming(.all, gate) {
                try await eventually("an operator is told") {
                    bench.metrics.render().contains(#"florin_dead_letters{consumer="test.all"} 1"#)
                }
            }
            let letter = try #require(try await store.list().first)
            // As when a consumer that was believed dead commits late.
            try await bench.pool.query(
                "INSERT INTO inbox (consumer, event_id) VALUES ('test.all', \(letter.eventID)::uuid)")
            gate.open()
            try await bench.consuming(.all, gate, { $0.replayInterval = .milliseconds(50) }) {
                _ = try await store.replay(.ids([letter.id]))
                #expect(try await store.replay(.ids([letter.id])).selected == 0, "asked for already, or done")
                try await eventually("the letter goes") { try await bench.count("dead_letters") == 0 }
            }
            #expect(try await bench.count("effects") == 0)
        }
    }

    @Test func whatWouldBeParkedBehindALetterThatGoesIsHandled() async throws {
        try await MessagingBench.with { bench in
            let gate = try await park(bench, failing: ["a"], writing: [1])
            gate.open()
            try await bench.consuming(.all, gate) {
                // As a replay in another process, which has not committed yet.
                try await bench.pool.withTransaction { transaction in
                    try await transaction.query("DELETE FROM dead_letters")
                    await bench.publish([try event("a", 2)])
                    try await eventually("the consumer waits for the letter's lock") {
                        try await bench.pool.query(
                            """
                            SELECT EXISTS (
                                SELECT FROM pg_stat_activity
                                WHERE datname = current_database() AND wait_event_type = 'Lock'
                            )
                            """
                        ).first(as: Bool.self)
                    }
                }
                try await eventually("it is handled") { try await bench.effects() == ["a": [2]] }
            }
            #expect(try await bench.count("dead_letters") == 0)
        }
    }

    @Test func twoConsumersReplayingSideBySideMakeEachEffectOnceInOrder() async throws {
        try await MessagingBench.with { bench in
            let store = DeadLetterStore(pool: bench.pool)
            let subjects = (0..<8).map { "s\($0)" }
            let gate = try await park(bench, failing: subjects, writing: Array(1...12))
            gate.open()
            try await bench.consuming(.all, gate, { $0.replayInterval = .milliseconds(20) }) {
                try await bench.consuming(.all, gate, { $0.replayInterval = .milliseconds(20) }) {
                    let cause = try #require(try await store.groups().first { $0.reason == .unprocessable }).cause
                    let change = try await store.replay(.group(cause))
                    #expect(change.selected == 8 && change.following == 88)
                    try await eventually("all are through") { try await bench.count("dead_letters") == 0 }
                }
            }
            let effects = try await bench.effects()
            #expect(effects.count == 8)
            for (subject, sequences) in effects { #expect(sequences == Array(1...12), "\(subject)") }
        }
    }

    @Test func whatIsDiscardedIsNeverHandledAndFreesWhatIsBehind() async throws {
        try await MessagingBench.with { bench in
            let store = DeadLetterStore(pool: bench.pool)
            let first = try event("a", 1)
            let gate = try await park(bench, failing: ["b"], writing: [1, 2], also: [first, try event("a", 2)])
            gate.open()
            try await bench.consuming(.all, gate, { $0.replayInterval = .milliseconds(50) }) {
                let letters = try await store.list(.init(subject: "a"))
                let dry = try await store.discard(.ids([letters[0].id]), isDryRun: true)
                #expect(dry == DeadLetterChange(selected: 1, following: 1, isDryRun: true))
                #expect(try await store.list().count == 4)
                let change = try await store.discard(.ids([letters[0].id]))
                #expect(change == DeadLetterChange(selected: 1, following: 1, isDryRun: false))
                try await eventually("the one behind is handled") { try await bench.effects()["a"] == [2] }
                await bench.publish([first, try event("a", 3)])
                try await eventually("later ones follow") { try await bench.effects()["a"] == [2, 3] }

                let aggregate = DeadLetterSelection.aggregate(
                    consumer: "test.all", source: "/florin/test", subject: "b")
                #expect(try await store.archive(aggregate).selected == 2)
                await bench.publish([try event("b", 3)])
                try await eventually("what is archived holds nothing up") {
                    try await bench.effects()["b"] == [3]
                }
            }
            #expect(try await store.list().isEmpty)
            #expect(try await store.list(.init(state: .archived)).map(\.state) == [.archived, .archived])
            #expect(try await store.replay(.group(try #require(try await archivedCause(store)))).selected == 0)
        }
    }

    private func archivedCause(_ store: DeadLetterStore) async throws -> DeadLetterCause? {
        try await store.list(.init(state: .archived)).first?.cause
    }

    @Test func whatCouldNotBeReadIsReadAgain() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let store = DeadLetterStore(pool: bench.pool)
            let binary = CloudEventBinaryMode.encode(try event("a", 1).event)
            let unlabelled = OutboundEvent(
                id: "1", routingKey: "florin.test.happened.v1", contentType: binary.contentType,
                headers: binary.headers.filter { $0.name != "cloudEvents:specversion" }.map {
                    MessageHeader($0.name, $0.value)
                }, body: binary.body)
            let garbage = OutboundEvent(
                id: "2", routingKey: "florin.test.happened.v1", contentType: "application/cloudevents+json",
                body: [0x7B, 0xFF])
            try await bench.consuming(.all, RecordingHandler(), { $0.replayInterval = .milliseconds(50) }) {
                _ = await bench.broker.publish([unlabelled, garbage])
                try await eventually("both are parked") { try await bench.count("dead_letters") == 2 }
                // As when a later version understands more than the one that parked it.
                try await bench.pool.query(
                    """
                    UPDATE dead_letters SET headers = headers || '{"cloudEvents:specversion": "1.0"}'
                    WHERE headers <> '{}'
                    """)
                _ = try await store.replay(.ids(try await store.list().map(\.id)))
                try await eventually("one is handled") { try await bench.effects() == ["a": [1]] }
                try await eventually("the other stays") {
                    try await store.list(.init(state: .parked)).map(\.attempts) == [1]
                }
                // The message may hold several events: it is removed after all of them are handled or put aside.
                try await eventually("the letter of the other is gone") { try await store.list().count == 1 }
            }
        }
    }

    @Test func tenThousandByGroupAreReplayed() async throws {
        try await MessagingBench.with { bench in
            let store = DeadLetterStore(pool: bench.pool)
            let gate = try await park(bench, failing: ["template"], writing: [1])
            try await multiply(bench, rows: 9_999)
            gate.open()
            try await bench.consuming(.all, gate) {
                let group = try #require(try await store.groups().first)
                #expect(group.count == 10_000)
                let clock = ContinuousClock()
                let start = clock.now
                #expect(try await store.replay(.group(group.cause)).selected == 10_000)
                try await eventually("all are handled") { try await bench.count("dead_letters") == 0 }
                print("10,000 dead letters replayed by group in \(clock.now - start)")
            }
            #expect(try await bench.count("effects") == 10_000)
        }
    }

    /// Copies the one letter there is, each copy an event and an aggregate of its own.
    private func multiply(_ bench: MessagingBench, rows: Int) async throws {
        try await bench.pool.query(
            """
            INSERT INTO dead_letters (
                consumer, event_id, type, source, subject, partition_key, reason, cause, attempts, error, content_type,
                headers, event
            )
            SELECT consumer, new_id, type, source, 's' || number, 'k' || number, reason, cause, attempts, error,
                content_type, headers, convert_to(
                    replace(
                        replace(convert_from(event, 'UTF8'), event_id::text, new_id::text),
                        '"template"', '"s' || number || '"'), 'UTF8')
            FROM dead_letters, (
                SELECT number, gen_random_uuid() AS new_id FROM generate_series(1, \(rows)) AS number
            ) AS copies
            """, timeout: patience)
    }

    /// Has a consumer park events of these subjects, and returns the handler that refuses until it is opened.
    @discardableResult
    private func park(
        _ bench: MessagingBench, failing subjects: [String], writing sequences: [Int64], also more: [OutboxEvent] = []
    ) async throws -> GatedHandler {
        bench.broker.declare(.all)
        let gate = GatedHandler()
        try await bench.consuming(.all, gate) {
            await bench.publish(more)
            for sequence in sequences { await bench.publish(try subjects.map { try event($0, sequence) }) }
            let expected = subjects.count * sequences.count + more.count
            try await eventually("all are parked") { try await bench.count("dead_letters") == expected }
        }
        return gate
    }
}

/// Refuses everything until it is opened.
private final class GatedHandler: EventHandler {
    let types: [TopicPattern] = ["#"]
    private let isOpen = Atomic(false)
    private let recording = RecordingHandler()

    func open() { isOpen.store(true, ordering: .releasing) }

    func handle(_ event: CloudEvent, in transaction: PostgresTransaction) async throws {
        guard isOpen.load(ordering: .acquiring) else {
            throw HandlerFailure(.unprocessable, "no account \(event.sequence ?? 0)")
        }
        try await recording.handle(event, in: transaction)
    }
}
