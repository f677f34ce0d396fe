import Testing

@testable import Postgres

@Suite struct PoolLedgerTests {
    private func ledger(minimum: Int = 1, maximum: Int = 4, depth: Int = 2) -> PoolLedger {
        PoolLedger(
            limits: PoolLedger.Limits(minimum: minimum, maximum: maximum, depth: depth, idle: .seconds(60)),
            backoff: Backoff(base: .milliseconds(50), limit: .seconds(1)))
    }

    private func update(
        _ ledger: inout PoolLedger, _ id: Int, inFlight: Int = 0, isLeased: Bool = false, isQuarantined: Bool = false,
        at now: Duration = .seconds(1)
    ) {
        ledger.update(id, inFlight: inFlight, isLeased: isLeased, isQuarantined: isQuarantined, now: now)
    }

    @Test func opensItsMinimumThenOneMoreThanAreBusy() {
        var ledger = ledger(minimum: 2)
        #expect(ledger.open(hasDemand: false, now: .zero) == [1, 2])
        #expect(ledger.open(hasDemand: true, now: .zero) == [])
        update(&ledger, 1, inFlight: 1)
        update(&ledger, 2, isLeased: true)
        #expect(ledger.open(hasDemand: false, now: .zero) == [])
        #expect(ledger.open(hasDemand: true, now: .zero) == [3])
        #expect(ledger.open(hasDemand: true, now: .zero) == [], "one is opening")
        update(&ledger, 3, inFlight: 1)
        #expect(ledger.open(hasDemand: true, now: .zero) == [4])
        update(&ledger, 4, inFlight: 1)
        #expect(ledger.open(hasDemand: true, now: .zero) == [], "the maximum is reached")
    }

    @Test func choosesTheLeastLoaded() {
        var ledger = ledger(minimum: 3)
        _ = ledger.open(hasDemand: false, now: .zero)
        #expect(ledger.connectionForBatch() == nil)
        update(&ledger, 1, inFlight: 1)
        update(&ledger, 2, isLeased: true)
        #expect(ledger.connectionForBatch() == 1)
        update(&ledger, 3)
        #expect(ledger.connectionForBatch() == 3)
        #expect(ledger.connectionForLease() == 3)
        update(&ledger, 3, isQuarantined: true)
        #expect(ledger.connectionForLease() == 1)
        update(&ledger, 1, inFlight: 2)
        #expect(ledger.connectionForBatch() == nil, "the pipeline is full")
        #expect(ledger.connectionForLease() == 1)
    }

    @Test func triesOneAtATimeAfterAFailure() {
        var ledger = ledger(minimum: 3)
        _ = ledger.open(hasDemand: false, now: .zero)
        for id in 1...3 { ledger.closed(id, now: .seconds(10)) }
        #expect(ledger.failures == 3)
        #expect(ledger.open(hasDemand: true, now: .seconds(10)) == [])
        #expect(ledger.open(hasDemand: true, now: .seconds(11)) == [4])
        #expect(ledger.open(hasDemand: true, now: .seconds(12)) == [])
        update(&ledger, 4)
        #expect(ledger.failures == 0)
        #expect(ledger.open(hasDemand: false, now: .seconds(12)) == [5, 6])
    }

    @Test func losingAReadyConnectionIsNoFailedAttempt() {
        var ledger = ledger()
        _ = ledger.open(hasDemand: false, now: .zero)
        update(&ledger, 1)
        ledger.closed(1, now: .seconds(5))
        #expect(ledger.failures == 0)
        #expect(ledger.needsConnections)
        #expect(ledger.open(hasDemand: false, now: .seconds(5)) == [2])
    }

    @Test func givesUpWhatIsIdleTooLongDownToItsMinimum() {
        var ledger = ledger(minimum: 2, maximum: 4)
        _ = ledger.open(hasDemand: false, now: .zero)
        update(&ledger, 1, inFlight: 1)
        update(&ledger, 2, inFlight: 1)
        _ = ledger.open(hasDemand: true, now: .zero)
        for id in 1...3 { update(&ledger, id, at: .seconds(10)) }
        #expect(ledger.surplus(now: .seconds(69)) == [])
        #expect(ledger.surplus(now: .seconds(71)).count == 1)
        // Looking at an idle connection is no use of it.
        for id in 1...3 { update(&ledger, id, at: .seconds(70)) }
        #expect(ledger.surplus(now: .seconds(71)).count == 1)
    }

    @Test func aProbeIsHeardButIsNoUse() {
        var ledger = ledger(minimum: 1, maximum: 2)
        _ = ledger.open(hasDemand: false, now: .zero)
        update(&ledger, 1, at: .seconds(10))
        #expect(ledger.silent(since: .seconds(9)) == [])
        #expect(ledger.silent(since: .seconds(10)) == [1])
        ledger.probing(1)
        update(&ledger, 1, inFlight: 1, at: .seconds(30))
        update(&ledger, 1, at: .seconds(31))
        #expect(ledger.silent(since: .seconds(30)) == [])
        #expect(ledger.slots[0].idleSince == .seconds(10))
        update(&ledger, 1, inFlight: 1, at: .seconds(40))
        update(&ledger, 1, at: .seconds(41))
        #expect(ledger.slots[0].idleSince == .seconds(41))
    }

    @Test func countsWhatItHas() {
        var ledger = ledger(minimum: 2)
        _ = ledger.open(hasDemand: false, now: .zero)
        #expect(ledger.readyCount == 0 && ledger.idleCount == 0 && !ledger.hasWorkInFlight)
        update(&ledger, 1, inFlight: 1)
        update(&ledger, 2)
        #expect(ledger.readyCount == 2 && ledger.idleCount == 1 && ledger.hasWorkInFlight)
        update(&ledger, 99)
        ledger.closed(99, now: .zero)
        #expect(ledger.readyCount == 2)
    }
}

@Suite struct BackoffTests {
    @Test(arguments: [
        (1, 0, 25), (1, 1023, 50), (2, 1023, 100), (5, 1023, 800), (6, 1023, 1000), (1_000_000, 1023, 1000),
        (9, 0, 500),
        (0, 1023, 50), (3, 99_999, 200),
    ])
    func doublesUpToItsLimit(failures: Int, spread: Int, milliseconds: Int) {
        let backoff = Backoff(base: .milliseconds(50), limit: .seconds(1))
        #expect(backoff.delay(afterFailures: failures, spread: spread) == .milliseconds(milliseconds))
    }

    @Test func isSpread() {
        let backoff = Backoff(base: .milliseconds(50), limit: .seconds(1))
        let delays = Set((0..<200).map { _ in backoff.delay(afterFailures: 3) })
        #expect(delays.count > 10)
        #expect(delays.allSatisfy { $0 >= .milliseconds(100) && $0 <= .milliseconds(200) })
    }
}
