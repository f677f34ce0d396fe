import Testing
import TestKit

@testable import Messaging

/// Which deliveries are done with, and when.
struct ConsumerLedgerTests {
    private struct Item: Identifiable, Sendable {
        let id: Int
    }

    private var random = SeededGenerator(seed: 5)
    private var ledger = ConsumerLedger<Item, String>(limits: .init(concurrency: 2, batch: 1), policy: .standard)

    private func arrival(_ id: Int, lane: String = "a") -> ConsumerLedger<Item, String>.Arrival {
        .init(item: Item(id: id), lane: lane)
    }

    private mutating func work(_ outcome: LaneSchedule<Item>.Outcome = .settled, now: Duration = .zero) throws
        -> [String]
    {
        let batch = ledger.start(now: now)
        return ledger.finish(try #require(batch), outcome, now: now, using: &random)
    }

    @Test mutating func aDeliveryIsDoneWhenAllItsEventsAre() throws {
        ledger.accept("batch", [arrival(1), arrival(2)])
        #expect(ledger.unsettled == 2)
        #expect(try work() == [])
        #expect(try work() == ["batch"])
        #expect(ledger.unsettled == 0)
    }

    @Test mutating func aRepeatIsDoneWithTheFirst() throws {
        ledger.accept("first", [arrival(1)])
        ledger.accept("again", [arrival(1)])
        ledger.accept("next", [arrival(2)])
        #expect(ledger.unsettled == 3)
        #expect(try work() == ["first", "again"])
        #expect(try work() == ["next"])
        #expect(ledger.start(now: .zero) == nil)
        ledger.accept("late", [arrival(1)])
        #expect(try work() == ["late"])
    }

    @Test mutating func anEventTwiceInOneDeliveryIsWorkedOnOnce() throws {
        ledger.accept("twice", [arrival(1), arrival(1)])
        #expect(try work() == ["twice"])
        #expect(ledger.unsettled == 0)
    }

    @Test mutating func aFailureIsNotDone() throws {
        ledger.accept("one", [arrival(1)])
        #expect(try work(.failed(error: "no")) == [])
        #expect(ledger.unsettled == 1)
        let wake = try #require(ledger.nextWake)
        #expect(try work(now: wake) == ["one"])
    }
}
