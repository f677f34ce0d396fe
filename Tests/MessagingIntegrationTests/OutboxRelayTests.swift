import CloudEvents
import Messaging
import MessagingTesting
import Postgres
import Synchronization
import Testing
import TestKit

/// The outbox and its relay on a real database, with a broker that fails as told.
struct OutboxRelayTests {
    @Test func whatCommitsIsPublishedInOrder() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            var written: [String: [String]] = [:]
            for round in 0..<20 {
                let events = try (1...10).map { try event("s\(round)", Int64($0)) }
                written["s\(round)"] = events.map(\.id.description)
                try await bench.write(events)
            }
            try await bench.relaying { _ in
                try await eventually("the outbox empties") { try await bench.count("outbox") == 0 }
            }
            let published = try bench.broker.published.map { try CloudEventJSONCodec.decode($0.body) }
            #expect(Dictionary(grouping: published) { $0.subject ?? "" }.mapValues { $0.map(\.id) } == written)
            #expect(bench.metrics.render().contains("florin_outbox_published_total 200"))
        }
    }

    @Test func aRollbackPublishesNothing() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let lost = try event("lost", 1)
            let kept = try event("kept", 1)
            await #expect(throws: Refusal.self) {
                try await bench.pool.withTransaction { transaction in
                    try await transaction.query(bench.outbox.insert([lost]))
                    throw Refusal()
                }
            }
            try await bench.relaying { _ in
                try await bench.write([kept])
                try await eventually("the other is published") { bench.broker.published.count == 1 }
            }
            #expect(bench.broker.published.map(\.id) == [kept.id.description])
        }
    }

    @Test func aLateCommitIsNotSkipped() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let late = try event("late", 1)
            let early = try event("early", 1)
            try await bench.relaying { _ in
                try await bench.pool.withTransaction { transaction in
                    // Has the lower position, and becomes visible after the higher one was published and deleted.
                    try await transaction.query(bench.outbox.insert([late]))
                    try await bench.write([early])
                    try await eventually("the early one is published") { bench.broker.published.count == 1 }
                }
                bench.outbox.poke()
                try await eventually("the late one follows") { bench.broker.published.count == 2 }
            }
            #expect(bench.broker.published.map(\.id) == [early.id, late.id].map(\.description))
        }
    }

    @Test func anEmptyListWritesNothing() async throws {
        try await MessagingBench.with { bench in
            try await bench.write([])
            #expect(try await bench.count("outbox") == 0)
        }
    }

    @Test func oneOfTwoRelaysIsActiveAndTheOtherTakesOver() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            try await bench.relaying { second in
                try await eventually("the first relay is active") { await second.state == .active }
                try await bench.relaying { third in
                    try await eventually("the second relay stands by") { await third.state == .standby }
                    // As after a kill: the server ends the session and frees the lock.
                    let ended = try await bench.pool.query(
                        """
                        SELECT count(pg_terminate_backend(pid)) FROM pg_locks
                        WHERE locktype = 'advisory' AND granted
                            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                        """
                    ).first(as: Int.self)
                    #expect(ended == 1)
                    try await bench.write([try event("a", 1)])
                    try await eventually("published after the take-over") { bench.broker.published.count >= 1 }
                    try await eventually("one is active, one stands by") {
                        await Set([second.state, third.state]) == [.active, .standby]
                    }
                }
                try await eventually("the one that is left is active") { await second.state == .active }
                try await bench.write([try event("a", 2)])
                try await eventually("it publishes") { try await bench.count("outbox") == 0 }
            }
            #expect(Set(bench.broker.published.map(\.id)).count == 2)
        }
    }

    @Test func aRelayThatFreezesLosesItsShard() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let frozenBroker = InMemoryBroker()
            frozenBroker.setHolding(true)
            var configuration = OutboxRelay.Configuration.quick
            configuration.silenceLimit = .seconds(1)
            try await bench.relaying(configuration, publisher: frozenBroker) { frozen in
                try await bench.write([try event("a", 1)])
                try await eventually("the first relay is active") { await frozen.state == .active }
                try await bench.relaying { other in
                    try await eventually("the other takes over") { await other.state == .active }
                    try await eventually("and publishes") { try await bench.count("outbox") == 0 }
                    frozenBroker.setHolding(false)
                    try await eventually("the first one notices") { await frozen.state == .standby }
                }
            }
            #expect(bench.broker.published.count == 1)
        }
    }

    /// With the defaults: the server ends the silent session, and another relay asks for the lock soon after.
    @Test func aFrozenRelayIsReplacedWithinItsBound() async throws {
        let configuration = OutboxRelay.Configuration()
        #expect(configuration.silenceLimit + configuration.standbyInterval * 1.5 <= .seconds(15))
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let frozenBroker = InMemoryBroker()
            frozenBroker.setHolding(true)
            try await bench.relaying(configuration, publisher: frozenBroker) { frozen in
                try await bench.write([try event("a", 1)])
                try await eventually("the first relay is active") { await frozen.state == .active }
                let start = ContinuousClock.now
                try await bench.relaying(configuration) { other in
                    try await eventually("the other takes over") { await other.state == .active }
                    print("take-over from a frozen relay after \(ContinuousClock.now - start)")
                    try await eventually("and publishes") { try await bench.count("outbox") == 0 }
                    frozenBroker.setHolding(false)
                }
            }
            #expect(bench.broker.published.count == 1)
        }
    }

    @Test func faultsOfTheBrokerLoseNothingAndKeepOrder() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            var expected: [String: [String]] = [:]
            for sequence in 1...30 {
                let events = try (0..<10).map { try event("k\($0)", Int64(sequence)) }
                for event in events { expected[event.partitionKey, default: []].append(event.id.description) }
                try await bench.write(events)
            }
            let faults: [InMemoryBroker.Fault] = [.nacked, .lostBeforeStored, .lostAfterStored, .duplicated, .nacked]
            bench.broker.injectFaults((0..<60).map { faults[$0 % faults.count] })
            try await bench.relaying { _ in
                try await eventually("the outbox empties") { try await bench.count("outbox") == 0 }
            }
            let keys = Dictionary(uniqueKeysWithValues: expected.flatMap { key, ids in ids.map { ($0, key) } })
            // Whoever drops repeats sees each key in order: no event overtakes one that was refused or lost.
            var first: [String: [String]] = [:]
            for published in bench.broker.published {
                let key = try #require(keys[published.id])
                if first[key]?.contains(published.id) != true { first[key, default: []].append(published.id) }
            }
            #expect(first == expected)
        }
    }

    @Test func anUnroutableEventStaysAndHoldsItsKeyAlone() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(Subscription(queue: "known", bindings: ["florin.known.#"]))
            let first = try event("a", 1, type: "florin.unknown.happened.v1")
            let behind = try event("a", 2, type: "florin.known.happened.v1")
            let other = try event("b", 1, type: "florin.known.happened.v1")
            try await bench.relaying { _ in
                try await bench.write([first, behind, other])
                try await eventually("the other key goes on") { try await bench.count("outbox") == 2 }
                #expect(bench.metrics.render().contains("florin_outbox_unroutable_total 1"))
                bench.broker.declare(Subscription(queue: "unknown", bindings: ["florin.unknown.#"]))
                try await eventually("the held key follows") { try await bench.count("outbox") == 0 }
            }
            let order = bench.broker.published.map(\.id).filter { $0 != other.id.description }
            #expect(order.suffix(2) == [first.id.description, behind.id.description])
        }
    }

    @Test func aBusyKeyDoesNotHoldUpTheOthers() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            try await bench.write(try (1...400).map { try event("busy", Int64($0)) })
            try await bench.write(try (1...20).map { try event("other\($0)", 1) })
            var configuration = OutboxRelay.Configuration.quick
            configuration.rowsPerKey = 8
            try await bench.relaying(configuration) { _ in
                try await eventually("the outbox empties") { try await bench.count("outbox") == 0 }
            }
            let published = try bench.broker.published.map { try CloudEventJSONCodec.decode($0.body) }
            #expect(published.filter { $0.subject == "busy" }.compactMap(\.sequence) == Array(1...400))
            // The others lie behind 400 rows; they go out after the first eight.
            #expect(published.count == 420)
            #expect(published[8..<28].allSatisfy { $0.subject != "busy" })
        }
    }

    @Test func anOutageDrainsInBoundedBatches() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            bench.broker.setDown(true)
            let publisher = MeasuringPublisher(bench.broker)
            var configuration = OutboxRelay.Configuration.quick
            configuration.batchRows = 300
            configuration.batchBytes = 50_000
            try await bench.relaying(configuration, publisher: publisher) { _ in
                for round in 0..<20 {
                    try await bench.write(try (1...100).map { try event("s\(round)-\($0)", 1) })
                }
                #expect(try await bench.count("outbox") == 2_000)
                bench.broker.setDown(false)
                try await eventually("it drains") { try await bench.count("outbox") == 0 }
            }
            #expect(Set(bench.broker.published.map(\.id)).count == 2_000)
            let (rows, bytes) = publisher.largest
            #expect(rows <= 300 && rows > 1)
            #expect(bytes < 50_000 + 2_000)
        }
    }

    @Test func anEventLargerThanTheBatchGoesAlone() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            var configuration = OutboxRelay.Configuration.quick
            configuration.batchBytes = 1
            let publisher = MeasuringPublisher(bench.broker)
            try await bench.write(try (1...5).map { try event("a", Int64($0)) })
            try await bench.relaying(configuration, publisher: publisher) { _ in
                try await eventually("it drains") { try await bench.count("outbox") == 0 }
            }
            #expect(publisher.largest.rows == 1)
        }
    }

    @Test func shardsAreRelayedSideBySide() async throws {
        try await MessagingBench.with(shards: 2) { bench in
            bench.broker.declare(.all)
            try await bench.write(try (0..<40).map { try event("k\($0)", 1) })
            let shards = try await bench.pool.query("SELECT count(DISTINCT shard) FROM outbox").first(as: Int.self)
            #expect(shards == 2)
            var second = OutboxRelay.Configuration.quick
            second.shard = 1
            try await bench.relaying { first in
                try await bench.relaying(second) { second in
                    try await eventually("both drain") { try await bench.count("outbox") == 0 }
                    #expect(await first.state == .active)
                    #expect(await second.state == .active)
                }
            }
            #expect(bench.broker.published.count == 40)
        }
    }

    /// What is with the broker when the relay is asked to stop is heard of and deleted: the next relay would publish it once more.
    @Test func whatIsUnderWayAtTheStopIsNotPublishedAgain() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            let publisher = SlowPublisher(bench.broker)
            try await bench.write([try event("a", 1)])
            try await bench.relaying(publisher: publisher) { _ in
                try await eventually("it is with the broker") { publisher.hasBegun }
            }
            #expect(try await bench.count("outbox") == 0)
            #expect(bench.broker.published.count == 1)
        }
    }

    @Test func aBrokerInAlarmDoesNotHinderWriting() async throws {
        try await MessagingBench.with { bench in
            bench.broker.declare(.all)
            bench.broker.setHolding(true)
            try await bench.relaying { _ in
                for sequence in 1...50 { try await bench.write([try event("a", Int64(sequence))]) }
                #expect(try await bench.count("outbox") == 50)
                bench.broker.setHolding(false)
                try await eventually("it drains") { try await bench.count("outbox") == 0 }
            }
        }
    }
}

/// Remembers the largest batch that it was asked to publish.
private final class MeasuringPublisher: EventPublisher {
    private let publisher: any EventPublisher
    private let state = Mutex((rows: 0, bytes: 0))

    init(_ publisher: any EventPublisher) { self.publisher = publisher }

    var largest: (rows: Int, bytes: Int) { state.withLock { $0 } }

    func publish(_ events: [OutboundEvent]) async -> [PublishOutcome] {
        state.withLock { state in
            state.rows = max(state.rows, events.count)
            state.bytes = max(state.bytes, events.reduce(0) { $0 + $1.body.count })
        }
        return await publisher.publish(events)
    }
}

/// A broker that takes its time, and of which nothing is heard when the call is cancelled.
private final class SlowPublisher: EventPublisher {
    private let publisher: any EventPublisher
    private let began = Mutex(false)

    init(_ publisher: any EventPublisher) { self.publisher = publisher }

    var hasBegun: Bool { began.withLock { $0 } }

    func publish(_ events: [OutboundEvent]) async -> [PublishOutcome] {
        began.withLock { $0 = true }
        do {
            try await Task.sleep(for: .milliseconds(100))
        } catch {
            return events.map { _ in .failed(reason: "cancelled") }
        }
        return await publisher.publish(events)
    }
}
