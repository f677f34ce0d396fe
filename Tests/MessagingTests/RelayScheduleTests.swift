import Testing
import TestKit

@testable import Messaging

/// The relay's rules: which rows go, which stay, and how long it waits.
struct RelayScheduleTests {
    private var random = SeededGenerator(seed: 3)

    private func rows(_ keys: String...) -> [(position: Int64, key: String)] {
        keys.enumerated().map { (position: Int64($0.offset + 1), key: $0.element) }
    }

    @Test mutating func everythingConfirmedGoes() {
        var schedule = RelaySchedule()
        let verdict = schedule.settle(
            rows("a", "b", "a"), [.confirmed, .confirmed, .confirmed], now: .zero, using: &random)
        #expect(verdict == .init(confirmed: [1, 2, 3]))
        #expect(schedule.wait(now: .zero) == .zero)
    }

    @Test mutating func whatIsNotConfirmedStays() {
        var schedule = RelaySchedule()
        let verdict = schedule.settle(
            rows("a", "b", "a", "b", "c"), [.confirmed, .failed(reason: "nack"), nil, nil, .confirmed],
            now: .zero, using: &random)
        #expect(verdict == .init(confirmed: [1, 5], failed: 1))
        #expect(schedule.isPaused(now: .zero))
    }

    @Test mutating func aCrowdedKeyLetsTheOthersGoFirst() {
        var schedule = RelaySchedule()
        schedule.found(crowdedKeys: ["a"])
        #expect(schedule.restingKeys == ["a"])
        schedule.found(crowdedKeys: ["b"])
        #expect(schedule.restingKeys == ["a", "b"])
        // All the others had their turn.
        schedule.found(crowdedKeys: [])
        #expect(schedule.restingKeys.isEmpty)
        schedule.found(crowdedKeys: ["a"])
        schedule.foundNothing(now: .zero)
        #expect(schedule.restingKeys.isEmpty)
        #expect(schedule.wait(now: .zero) == .zero)
    }

    @Test mutating func restingKeysHaveABound() {
        var timing = RelaySchedule.Timing()
        timing.heldKeysLimit = 2
        var schedule = RelaySchedule(timing: timing)
        schedule.found(crowdedKeys: ["a", "b"])
        schedule.found(crowdedKeys: ["c"])
        #expect(schedule.restingKeys.isEmpty)
    }

    @Test mutating func unroutableHoldsItsKeyForAGrowingTime() {
        var schedule = RelaySchedule()
        var now = Duration.zero
        for expected in [1, 2, 4, 8, 16, 30, 30] {
            let verdict = schedule.settle(
                rows("a", "b", "a"), [.unroutable(reason: ""), .confirmed, nil], now: now, using: &random)
            #expect(verdict == .init(confirmed: [2], unroutable: [0]))
            #expect(schedule.heldKeys(now: now) == ["a"])
            #expect(schedule.heldKeys(now: now + .seconds(expected) - .milliseconds(1)) == ["a"])
            now += .seconds(expected)
            #expect(schedule.heldKeys(now: now).isEmpty)
            #expect(schedule.wait(now: now) == .zero)
        }
        _ = schedule.settle(rows("a"), [.confirmed], now: now, using: &random)
        #expect(schedule.heldKeyCount == 0)
        _ = schedule.settle(rows("a"), [.unroutable(reason: "")], now: now, using: &random)
        #expect(schedule.heldKeys(now: now + .seconds(1)).isEmpty)
    }

    @Test mutating func tooManyHeldKeysAreAPauseForAll() {
        var timing = RelaySchedule.Timing()
        timing.heldKeysLimit = 3
        var schedule = RelaySchedule(timing: timing)
        _ = schedule.settle(
            rows("a", "b", "c"), Array(repeating: .unroutable(reason: ""), count: 3), now: .zero, using: &random)
        #expect(schedule.heldKeyCount == 0)
        #expect(schedule.wait(now: .zero) == .seconds(1))
        #expect(schedule.isPaused(now: .zero))
    }

    @Test mutating func aBrokerAwayIsAskedMoreAndMoreSlowly() {
        var schedule = RelaySchedule()
        var longest = Duration.zero
        for round in 0..<40 {
            _ = schedule.settle(rows("a"), [.failed(reason: "")], now: .zero, using: &random)
            let wait = schedule.wait(now: .zero)
            #expect(wait > .zero && wait <= .seconds(2))
            if round == 0 { #expect(wait <= .milliseconds(50)) }
            longest = max(longest, wait)
        }
        #expect(longest > .seconds(1))
        _ = schedule.settle(rows("a"), [.confirmed], now: .seconds(10), using: &random)
        #expect(schedule.wait(now: .seconds(10)) == .zero)
    }

    @Test mutating func idlingSlowsDownAndStopsWithWork() {
        var schedule = RelaySchedule()
        let waits = (0..<6).map { _ in
            schedule.foundNothing(now: .zero)
            return schedule.wait(now: .zero)
        }
        #expect(waits == [20, 40, 80, 160, 250, 250].map { .milliseconds($0) })
        #expect(!schedule.isPaused(now: .zero))
        _ = schedule.settle(rows("a"), [.confirmed], now: .zero, using: &random)
        #expect(schedule.wait(now: .zero) == .zero)
    }

    /// A whole outbox under random faults: consumers that drop repeats see every key in order, and nothing is lost.
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func randomFaultsLoseNothingAndKeepOrder(seed: UInt64) {
        var simulation = RelaySimulation(seed: seed)
        simulation.run(steps: 20_000)
        #expect(simulation.outbox.isEmpty)
        #expect(simulation.written > 1_000)
        #expect(simulation.repeats > 0)
        for (key, seen) in simulation.seen {
            #expect(seen == Array(1...Int64(seen.count)), "order of \(key)")
        }
        #expect(simulation.seen.values.reduce(0) { $0 + $1.count } == simulation.written)
    }
}

/// An outbox table, a broker that fails as it likes, and a consumer with an inbox, driven by a `RelaySchedule`.
private struct RelaySimulation {
    struct Row {
        let position: Int64
        let key: String
        let sequence: Int64
    }

    var outbox: [Row] = []
    var seen: [String: [Int64]] = [:]
    var written = 0
    var repeats = 0
    private var random: SeededGenerator
    private var schedule = RelaySchedule()
    private var sequences: [String: Int64] = [:]
    private var handled: Set<String> = []
    private var nextPosition: Int64 = 1
    private var now = Duration.zero

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func run(steps: Int) {
        for step in 0..<steps {
            if step < steps / 2 { write() }
            now += schedule.wait(now: now) + .milliseconds(1)
            round(isHealthy: step > steps * 3 / 4)
        }
    }

    private mutating func write() {
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            let key = "k\(Int.random(in: 0..<20, using: &random))"
            let sequence = (sequences[key] ?? 0) + 1
            sequences[key] = sequence
            outbox.append(Row(position: nextPosition, key: key, sequence: sequence))
            nextPosition += 1
            written += 1
        }
    }

    private mutating func round(isHealthy: Bool) {
        let held = Set(schedule.heldKeys(now: now))
        let rows = Array(outbox.filter { !held.contains($0.key) }.prefix(10))
        guard !rows.isEmpty else { return schedule.foundNothing(now: now) }
        var relayed = RelayRound(keys: rows.map(\.key))
        while !relayed.wave.isEmpty {
            relayed.settle(relayed.wave.map { publish(rows[$0], isHealthy: isHealthy) })
        }
        let verdict = schedule.settle(
            rows.map { ($0.position, $0.key) }, relayed.outcomes, now: now, using: &random)
        let gone = Set(verdict.confirmed)
        outbox.removeAll { gone.contains($0.position) }
    }

    private mutating func publish(_ row: Row, isHealthy: Bool) -> PublishOutcome {
        switch isHealthy ? 9 : Int.random(in: 0..<10, using: &random) {
        case 0: return .unroutable(reason: "")
        case 1: return .failed(reason: "nack")
        case 2:
            deliver(row)
            return .failed(reason: "confirm lost")
        default:
            deliver(row)
            return .confirmed
        }
    }

    private mutating func deliver(_ row: Row) {
        guard handled.insert("\(row.key)#\(row.sequence)").inserted else { return repeats += 1 }
        seen[row.key, default: []].append(row.sequence)
    }
}
