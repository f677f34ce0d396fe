import Resilience
import Testing
import TestKit

@Suite struct CircuitBreakerTests {
    typealias Outcome = CircuitBreaker.Outcome

    /// Attempts at those seconds, each with its end at once; whether the circuit is open after the last.
    private static let openings: [(attempts: [(at: Double, Outcome)], isOpen: Bool)] = [
        ([(0, .failed), (1, .failed), (2, .failed), (3, .failed)], false),
        ([(0, .failed), (1, .failed), (2, .failed), (3, .failed), (4, .failed)], true),
        ([(0, .failed), (0, .failed), (0, .failed), (0, .failed), (0, .failed)], true),
        ([(0, .failed), (1, .failed), (2, .failed), (3, .failed), (9.9, .failed)], true),
        ([(0, .failed), (1, .failed), (2, .failed), (3, .failed), (10, .failed)], false),
        ([(0, .failed), (1, .failed), (2, .failed), (3, .failed), (10, .failed), (10.5, .failed)], true),
        ([(0, .failed), (1, .answered), (2, .failed), (3, .unknown), (4, .failed), (5, .failed)], false),
        ([(0, .failed), (1, .answered), (2, .failed), (3, .answered), (4, .failed), (5, .failed), (6, .failed)], true),
        ([(0, .unknown), (1, .unknown), (2, .unknown), (3, .unknown), (4, .unknown), (5, .unknown)], false),
        ([(0, .failed), (1, .failed), (2, .failed), (3, .failed), (4, .replaced), (5, .failed)], false),
        ([(0, .replaced), (1, .failed), (2, .failed), (3, .failed), (4, .failed), (5, .failed)], true),
    ]

    @Test(arguments: 0..<11) func opensOnTheFifthFailureInTenSeconds(_ index: Int) throws {
        let (attempts, isOpen) = Self.openings[index]
        var circuit = CircuitBreaker()
        for (second, outcome) in attempts {
            circuit.record(outcome, of: try circuit.admit(at: .seconds(second)), at: .seconds(second))
        }
        #expect((circuit.state == .closed) == !isOpen)
    }

    private func opened(at second: Double = 0) throws -> CircuitBreaker {
        var circuit = CircuitBreaker()
        for _ in 0..<5 { circuit.record(.failed, of: try circuit.admit(at: .seconds(second)), at: .seconds(second)) }
        return circuit
    }

    @Test func letsOneProbeThroughAfterThirtySeconds() throws {
        var circuit = try opened()
        let refused = #expect(throws: CircuitBreaker.Refused.self) { try circuit.admit(at: .seconds(12)) }
        #expect(refused?.retryAfter == .seconds(18))
        #expect(throws: CircuitBreaker.Refused.self) { try circuit.admit(at: .seconds(29.999)) }
        let probe = try circuit.admit(at: .seconds(30))
        #expect(probe.isProbe && circuit.state == .halfOpen)
        #expect(throws: CircuitBreaker.Refused.self) { try circuit.admit(at: .seconds(31)) }
        #expect(throws: CircuitBreaker.Refused.self) { try circuit.admit(at: .seconds(300)) }
    }

    @Test func theProbeDecides() throws {
        var circuit = try opened()
        circuit.record(.failed, of: try circuit.admit(at: .seconds(30)), at: .seconds(31))
        #expect(circuit.state == .open(until: .seconds(61)))
        // A probe that nobody waited for says nothing: the next call is the probe.
        circuit.record(.unknown, of: try circuit.admit(at: .seconds(61)), at: .seconds(62))
        let probe = try circuit.admit(at: .seconds(62))
        #expect(probe.isProbe)
        circuit.record(.answered, of: probe, at: .seconds(63))
        #expect(circuit.state == .closed)
        let next = try circuit.admit(at: .seconds(63))
        #expect(!next.isProbe)
    }

    @Test func whatBeganEarlierDoesNotCount() throws {
        var circuit = CircuitBreaker()
        let early = try (0..<20).map { _ in try circuit.admit(at: .zero) }
        for permit in early.prefix(5) { circuit.record(.failed, of: permit, at: .seconds(1)) }
        #expect(circuit.state == .open(until: .seconds(31)))
        circuit.record(.answered, of: early[6], at: .seconds(2))
        #expect(circuit.state == .open(until: .seconds(31)))
        let probe = try circuit.admit(at: .seconds(31))
        for permit in early.suffix(10) { circuit.record(.failed, of: permit, at: .seconds(31)) }
        #expect(circuit.state == .halfOpen)
        circuit.record(.answered, of: probe, at: .seconds(32))
        for permit in early.suffix(10) { circuit.record(.failed, of: permit, at: .seconds(33)) }
        #expect(circuit.state == .closed)
    }
}

@Suite struct RetryTests {
    @Test(arguments: [100, 1000, 100_000]) func aFullOutageIsNotMadeWorse(calls: Int) {
        var budget = RetryBudget()
        for _ in 0..<1000 { budget.earn() }
        let retries = (0..<calls).count { _ in budget.spend() }
        #expect(retries == 10 && Double(calls + retries) <= 1.1 * Double(calls))
    }

    @Test func aTenthOfWhatGoesWellMayBeRepeated() {
        var budget = RetryBudget(capacity: 3)
        func spend(_ times: Int) -> Int { (0..<times).count { _ in budget.spend() } }
        func earn(_ times: Int) { for _ in 0..<times { budget.earn() } }
        #expect(spend(5) == 3)
        earn(9)
        #expect(spend(1) == 0)
        earn(1)
        #expect(spend(2) == 1)
        earn(1000)
        #expect(spend(5) == 3)
    }

    @Test(arguments: [(1, 50), (2, 100), (3, 200), (4, 400), (5, 500), (7, 500)])
    func waitsAreAnywhereUpToTheMost(_ attempt: Int, _ most: Int) {
        var policy = RetryPolicy()
        policy.attempts = 8
        var generator = SeededGenerator(seed: 1)
        let delays = (0..<1000).compactMap { _ in policy.delay(after: attempt, using: &generator) }
        #expect(delays.count == 1000)
        #expect(delays.allSatisfy { $0 >= .zero && $0 <= .milliseconds(most) })
        #expect(delays.contains { $0 < .milliseconds(most) * 0.05 })
        #expect(delays.contains { $0 > .milliseconds(most) * 0.95 })
    }

    @Test(arguments: [(3, 3), (3, 0), (1, 1), (3, 4)]) func waitsForNoFurtherAttempt(_ attempts: Int, _ made: Int) {
        var policy = RetryPolicy()
        policy.attempts = attempts
        var generator = SeededGenerator(seed: 1)
        let delay = policy.delay(after: made, using: &generator)
        #expect(delay == nil)
    }

    private static let repetitions: [(CallFailure, always: Bool, whenUnsent: Bool)] = [
        (.unsent, true, true), (.lost, true, false), (.unavailable, true, false), (.answered, false, false),
        (.timedOut, false, false), (.cancelled, false, false), (.replaced, true, false),
    ]

    @Test(arguments: Self.repetitions) func onlyWhatIsSafeIsRepeated(
        _ failure: CallFailure, always: Bool, whenUnsent: Bool
    ) {
        #expect(Repetition.always.allows(failure) == always)
        #expect(Repetition.whenUnsent.allows(failure) == whenUnsent)
    }
}

@Suite struct BulkheadTests {
    @Test func boundsThoseInsideAndThoseThatWait() {
        var bulkhead = Bulkhead<String>(limit: 2, queueLimit: 2)
        let entries = (0..<3).map { _ in bulkhead.enter() }
        #expect(entries == [.entered, .entered, .mustWait])
        let first = bulkhead.wait("first")
        _ = bulkhead.wait("second")
        let refused = bulkhead.enter()
        #expect(refused == .refused && bulkhead.waiting == 2 && bulkhead.running == 2)
        let withdrawn = [bulkhead.withdraw(first), bulkhead.withdraw(first)]
        #expect(withdrawn == ["first", nil])
        #expect(bulkhead.waiting == 1)
        let third = bulkhead.wait("third")
        let woken = [bulkhead.leave(), bulkhead.leave()]
        #expect(woken == ["second", "third"] && bulkhead.running == 2)
        let late = bulkhead.withdraw(third)
        #expect(late == nil)
        let last = [bulkhead.leave(), bulkhead.leave()]
        #expect(last == [nil, nil] && bulkhead.running == 0)
        let entry = bulkhead.enter()
        #expect(entry == .entered)
    }
}
