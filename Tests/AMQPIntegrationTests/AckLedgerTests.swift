import Testing
import TestKit

@testable import AMQP

/// The fewest methods for what handlers have decided.
@Suite struct AckLedgerTests {
    private func ledger(deliveries count: UInt64) -> AckLedger {
        var ledger = AckLedger()
        for tag in 1...count { #expect((ledger.delivered(tag: tag)) == true) }
        return ledger
    }

    /// Deliveries that are acknowledged, and the methods that follow.
    static let runs: [(acknowledged: [UInt64], methods: [OutboundMethod])] = [
        ([1], [.ack(tag: 1, multiple: false)]),
        ([1, 2, 3], [.ack(tag: 3, multiple: true)]),
        ([3, 1, 2], [.ack(tag: 3, multiple: true)]),
        ([2], [.ack(tag: 2, multiple: false)]),
        ([1, 2, 4], [.ack(tag: 4, multiple: false), .ack(tag: 2, multiple: true)]),
        ([3, 4], [.ack(tag: 3, multiple: false), .ack(tag: 4, multiple: false)]),
        ([1, 1, 1], [.ack(tag: 1, multiple: false)]),
        ([9, 0], []),
        ([], []),
    ]

    @Test(arguments: runs) func coalesces(acknowledged: [UInt64], methods: [OutboundMethod]) {
        var ledger = ledger(deliveries: 5)
        for tag in acknowledged { ledger.settle(tag: tag, .ack) }
        #expect(ledger.takeMethods() == methods)
        #expect(ledger.takeMethods().isEmpty)
    }

    @Test func goesOnWithARunWhoseGapWasSettledBefore() {
        var ledger = ledger(deliveries: 4)
        ledger.settle(tag: 2, .ack)
        #expect(ledger.takeMethods() == [.ack(tag: 2, multiple: false)])
        ledger.settle(tag: 3, .ack)
        ledger.settle(tag: 1, .ack)
        #expect(ledger.takeMethods() == [.ack(tag: 3, multiple: true)])
        #expect(ledger.outstanding == 1)
    }

    @Test func rejectsBeforeItAcknowledges() {
        var ledger = ledger(deliveries: 3)
        ledger.settle(tag: 1, .ack)
        ledger.settle(tag: 2, .reject(requeue: true))
        ledger.settle(tag: 3, .ack)
        #expect(ledger.takeMethods() == [.reject(tag: 2, requeue: true), .ack(tag: 3, multiple: true)])
        #expect(ledger.outstanding == 0)
    }

    @Test func ignoresASecondDecision() {
        var ledger = ledger(deliveries: 1)
        ledger.settle(tag: 1, .reject(requeue: false))
        ledger.settle(tag: 1, .ack)
        #expect(ledger.takeMethods() == [.reject(tag: 1, requeue: false)])
        ledger.settle(tag: 1, .reject(requeue: true))
        #expect(ledger.takeMethods().isEmpty)
    }

    @Test(arguments: [0, 2, 5] as [UInt64]) func refusesATagOutOfTurn(tag: UInt64) {
        var ledger = AckLedger()
        #expect((ledger.delivered(tag: tag)) == false)
    }

    /// A broker that applies the methods must end with exactly what the handlers decided.
    @Test func tellsABrokerExactlyWhatWasDecided() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            var ledger = AckLedger()
            var held: Set<UInt64> = []
            var decided: Set<UInt64> = []
            var next: UInt64 = 1
            for _ in 0..<100 {
                switch UInt8.random(in: 0..<6, using: &generator) {
                case 0..<3:
                    #expect((ledger.delivered(tag: next)) == true)
                    held.insert(next)
                    next += 1
                case 3..<5:
                    let tag = UInt64.random(in: 1...next, using: &generator)
                    ledger.settle(tag: tag, Bool.random(using: &generator) ? .ack : .reject(requeue: true))
                    if tag < next { decided.insert(tag) }
                default:
                    apply(ledger.takeMethods(), to: &held)
                    #expect(held.isDisjoint(with: decided))
                }
            }
            apply(ledger.takeMethods(), to: &held)
            #expect(held == Set(1..<next).subtracting(decided))
            #expect(ledger.outstanding == held.count)
        }
    }

    private func apply(_ methods: [OutboundMethod], to held: inout Set<UInt64>) {
        for method in methods {
            switch method {
            case .ack(let tag, true):
                #expect(held.contains(tag))
                held = held.filter { $0 > tag }
            case .ack(let tag, false), .reject(let tag, _):
                // A broker answers an unknown tag by closing the channel.
                #expect(held.remove(tag) != nil)
            default: Issue.record("unexpected \(method)")
            }
        }
    }
}
