import Testing
import TestKit

@testable import Messaging

/// The consumer's rules: order within a lane, lanes side by side, retries, parking.
struct LaneScheduleTests {
    private func schedule(concurrency: Int = 4, batch: Int = 1) -> LaneBench {
        LaneBench(LaneSchedule(limits: .init(concurrency: concurrency, batch: batch)))
    }

    @Test func aLaneWorksOnOneEventAtATimeInOrder() throws {
        let lanes = schedule()
        for item in 1...3 { lanes.enqueue(item, lane: "a") }
        for item in 1...3 {
            let batch = try #require(lanes.start(now: .zero))
            #expect(batch.items == [item])
            #expect(batch.job == .handle)
            #expect(lanes.start(now: .zero) == nil)
            lanes.finish(batch, .settled, now: .zero)
        }
        #expect(lanes.start(now: .zero) == nil)
        #expect(lanes.laneCount == 0)
    }

    @Test func lanesRunSideBySideUpToTheBound() throws {
        let lanes = schedule(concurrency: 2)
        for (item, lane) in ["a", "b", "c"].enumerated() { lanes.enqueue(item, lane: lane) }
        let first = try #require(lanes.start(now: .zero))
        let second = try #require(lanes.start(now: .zero))
        #expect(first.items == [0] && second.items == [1])
        #expect(lanes.start(now: .zero) == nil)
        lanes.finish(second, .settled, now: .zero)
        #expect(lanes.start(now: .zero)?.items == [2])
    }

    @Test func aBusyConsumerTakesBatches() throws {
        let lanes = schedule(concurrency: 1, batch: 4)
        for item in 0..<3 { lanes.enqueue(item, lane: "a") }
        for item in 3..<6 { lanes.enqueue(item, lane: "b") }
        let batch = try #require(lanes.start(now: .zero))
        #expect(batch.items == [0, 1, 2, 3])
        lanes.finish(batch, .settled, now: .zero)
        #expect(lanes.start(now: .zero)?.items == [4, 5])
    }

    @Test func aFailedBatchIsTakenApartWithoutSpendingAttempts() throws {
        let lanes = schedule(concurrency: 1, batch: 4)
        for item in 0..<2 { lanes.enqueue(item, lane: "a") }
        lanes.enqueue(2, lane: "b")
        let batch = try #require(lanes.start(now: .zero))
        #expect(batch.items == [0, 1, 2])
        lanes.finish(batch, .failed(error: "one of them"), now: .zero)
        var alone: [Int] = []
        for _ in 0..<3 {
            let single = try #require(lanes.start(now: .zero))
            #expect(single.items.count == 1)
            alone += single.items
            lanes.finish(single, .settled, now: .zero)
        }
        #expect(alone.sorted() == [0, 1, 2])
        #expect(alone.firstIndex(of: 0)! < alone.firstIndex(of: 1)!)
    }

    @Test func aFailingEventIsTriedFourTimesThenParkedWhileOthersGoOn() throws {
        let lanes = schedule()
        lanes.enqueue(1, lane: "a")
        lanes.enqueue(2, lane: "a")
        var now = Duration.zero
        for attempt in 1...4 {
            let batch = try #require(lanes.start(now: now))
            #expect(batch.items == [1] && batch.job == .handle)
            lanes.finish(batch, .failed(error: "no"), now: now)
            guard attempt < 4 else { break }
            lanes.enqueue(10 + attempt, lane: "other")
            let other = try #require(lanes.start(now: now))
            #expect(other.items == [10 + attempt])
            lanes.finish(other, .settled, now: now)
            let wake = try #require(lanes.nextWake)
            #expect(wake <= now + .seconds(1 << (attempt - 1)))
            now = wake
        }
        let parking = try #require(lanes.start(now: now))
        #expect(parking.job == .park(.init(reason: .handlerFailed, attempts: 4, error: "no")))
        #expect(parking.items == [1])
        lanes.finish(parking, .settled, now: now)
        let next = try #require(lanes.start(now: now))
        #expect(next.items == [2] && next.job == .handle)
    }

    @Test func transientFailuresSpendNoAttempts() throws {
        let lanes = schedule()
        lanes.enqueue(1, lane: "a")
        var now = Duration.zero
        for _ in 0..<50 {
            let batch = try #require(lanes.start(now: now))
            #expect(batch.job == .handle)
            lanes.finish(batch, .transient, now: now)
            let wake = try #require(lanes.nextWake)
            #expect(wake <= now + .seconds(5))
            now = wake
        }
    }

    @Test func parkingItselfWaitsForTheDatabase() throws {
        let lanes = schedule()
        lanes.enqueue(1, lane: "a")
        let batch = try #require(lanes.start(now: .zero))
        lanes.finish(batch, .unprocessable(error: "bad"), now: .zero)
        let parking = try #require(lanes.start(now: .zero))
        #expect(parking.job == .park(.init(reason: .unprocessable, attempts: 1, error: "bad")))
        lanes.finish(parking, .transient, now: .zero)
        #expect(lanes.start(now: .seconds(6))?.job == parking.job)
    }

    @Test func whatFollowsAParkedEventIsParkedBehindIt() throws {
        let lanes = schedule(concurrency: 1, batch: 4)
        lanes.enqueue(1, lane: "a")
        lanes.enqueue(2, lane: "a")
        let both = try #require(lanes.start(now: .zero))
        lanes.finish(both, .behindParked, now: .zero)
        let first = try #require(lanes.start(now: .zero))
        #expect(first.items == [1] && first.job == .handle)
        lanes.finish(first, .behindParked, now: .zero)
        let parking = try #require(lanes.start(now: .zero))
        guard case .park(let why) = parking.job else {
            Issue.record("it is put aside")
            return
        }
        #expect(why.reason == .behindParked && why.attempts == 0)
        lanes.finish(parking, .settled, now: .zero)
        #expect(lanes.start(now: .zero)?.items == [2])
    }

    @Test func whatIsReleasedIsHandledAfterAll() throws {
        let lanes = schedule()
        lanes.enqueue(1, lane: "a")
        lanes.finish(try #require(lanes.start(now: .zero)), .behindParked, now: .zero)
        let parking = try #require(lanes.start(now: .zero))
        #expect(parking.job != .handle)
        lanes.finish(parking, .released, now: .zero)
        let again = try #require(lanes.start(now: .zero))
        #expect(again.items == [1] && again.job == .handle)
    }

    @Test func aLastTryIsParkedAtItsFirstFailure() throws {
        let lanes = schedule()
        lanes.enqueue(1, lane: "a", isLastTry: true)
        lanes.enqueue(2, lane: "a")
        lanes.finish(try #require(lanes.start(now: .zero)), .failed(error: "again"), now: .zero)
        let parking = try #require(lanes.start(now: .zero))
        #expect(parking.job == .park(.init(reason: .handlerFailed, attempts: 1, error: "again")))
        lanes.finish(parking, .settled, now: .zero)
        let next = try #require(lanes.start(now: .zero))
        lanes.finish(next, .failed(error: "no"), now: .zero)
        #expect(lanes.nextWake != nil, "an event that is not on its last try is tried again")
    }

    @Test func whatCannotBeReadIsParkedAtOnce() throws {
        let lanes = schedule()
        lanes.enqueue(1, lane: "x", parking: .init(reason: .undecodable, attempts: 0, error: "malformed"))
        let batch = try #require(lanes.start(now: .zero))
        #expect(batch.job == .park(.init(reason: .undecodable, attempts: 0, error: "malformed")))
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func randomTroubleKeepsOrderAndBounds(seed: UInt64) {
        var simulation = LaneSimulation(seed: seed)
        simulation.run(steps: 30_000)
        #expect(simulation.faults.isEmpty)
        #expect(simulation.settled.values.reduce(0) { $0 + $1.count } == simulation.enqueued)
        #expect(simulation.parked > 10)
        for (lane, items) in simulation.settled { #expect(items == items.sorted(), "order of \(lane)") }
    }
}

/// A schedule by reference, so that it can be driven from within `#require`.
private final class LaneBench {
    private var lanes: LaneSchedule<Int>
    private var random = SeededGenerator(seed: 4)

    init(_ lanes: LaneSchedule<Int>) { self.lanes = lanes }

    var laneCount: Int { lanes.laneCount }
    var nextWake: Duration? { lanes.nextWake }

    func enqueue(_ item: Int, lane: String, parking: LaneSchedule<Int>.Parking? = nil, isLastTry: Bool = false) {
        lanes.enqueue(item, lane: lane, parking: parking, isLastTry: isLastTry)
    }

    func start(now: Duration) -> LaneSchedule<Int>.Batch? { lanes.start(now: now) }

    func finish(_ batch: LaneSchedule<Int>.Batch, _ outcome: LaneSchedule<Int>.Outcome, now: Duration) {
        lanes.finish(batch, outcome, now: now, using: &random)
    }
}

/// Random arrivals and endings around a `LaneSchedule`, with its promises checked at each step.
private struct LaneSimulation {
    struct Item: Sendable {
        let lane: String
        let number: Int
    }

    var settled: [String: [Int]] = [:]
    var parked = 0
    var enqueued = 0
    var faults: [String] = []
    private var random: SeededGenerator
    private var lanes = LaneSchedule<Item>(limits: .init(concurrency: 3, batch: 5))
    private var running: [LaneSchedule<Item>.Batch] = []
    private var now = Duration.zero

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func run(steps: Int) {
        for step in 0..<steps {
            let isClosing = step > steps / 2
            if !isClosing, Bool.random(using: &random) {
                enqueued += 1
                let lane = "l\(Int.random(in: 0..<12, using: &random))"
                lanes.enqueue(Item(lane: lane, number: enqueued), lane: lane)
            }
            while let batch = lanes.start(now: now) { begin(batch) }
            if let index = running.indices.randomElement(using: &random) {
                end(running.remove(at: index), canFail: !isClosing)
            } else if let wake = lanes.nextWake {
                now = max(now, wake)
            }
            now += .milliseconds(1)
        }
    }

    private mutating func begin(_ batch: LaneSchedule<Item>.Batch) {
        let busy = Set(running.flatMap { $0.items.map(\.lane) })
        if !busy.isDisjoint(with: batch.items.map(\.lane)) { faults.append("a lane runs twice") }
        if batch.items.count > 5 || batch.items.isEmpty { faults.append("batch of \(batch.items.count)") }
        running.append(batch)
        if running.count > 3 { faults.append("\(running.count) run") }
    }

    private mutating func end(_ batch: LaneSchedule<Item>.Batch, canFail: Bool) {
        let roll = canFail ? Int.random(in: 0..<10, using: &random) : 9
        if case .park(let why) = batch.job {
            if why.reason == .handlerFailed, why.attempts != 4 { faults.append("parked after \(why.attempts)") }
            if roll == 0 { return lanes.finish(batch, .transient, now: now, using: &random) }
            parked += 1
        } else if roll < 4 {
            let outcomes: [LaneSchedule<Item>.Outcome] = [
                .transient, .failed(error: "no"), .unprocessable(error: "bad"), .behindParked,
            ]
            return lanes.finish(batch, outcomes[roll], now: now, using: &random)
        }
        for item in batch.items { settled[item.lane, default: []].append(item.number) }
        lanes.finish(batch, .settled, now: now, using: &random)
    }
}
